#!/usr/bin/env bash
# Whole runs against PyTorch in double precision (tests/golden/make_run_golden.py), on every back
# end: each step, each round's greedy steps, each evaluation. Prints the largest differences.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*

# compare GOLDEN METRICS NAME: every row and member of the golden file, in order. The limits are about
# twenty times the differences seen; a different decision of a ReLU or a round changes the gradient by
# 1e-4 or more. Two free weights may have the same fp32 value; the number of fixed ones is exact.
compare() {
    awk -v name="$3" '
        function value(row, key,   at, text) {
            at = index(row, "\"" key "\": ")
            if (!at) return "missing"
            text = substr(row, at + length(key) + 4)
            sub(/[,}].*/, "", text)
            return text
        }
        function apart(a, b,   size) {
            size = (a < 0 ? -a : a); if (size < 1e-30) size = 1
            return (a > b ? a - b : b - a) / size
        }
        function limit_of(key, row) {
            if (key ~ /^(unique|entropy)/ && value(row, "fixed") < 1) return 2e-3
            return key in limit ? limit[key] : 1e-8
        }
        BEGIN {
            limit["loss"] = limit["ensemble_nll"] = 1e-6
            limit["gradient_norm"] = limit["clip"] = limit["ensemble_ece"] = 5e-5
        }
        !/"kind": "(step|round|evaluation)"/ { next }
        NR == FNR { golden[++rows] = $0; next }
        {
            if (++row > rows) exit
            count = split(golden[row], part, /[{,] *"/)
            for (i = 2; i <= count; i++) {
                key = part[i]; sub(/".*/, "", key)
                want = value(golden[row], key); got = value($0, key)
                if (got != "missing" && want ~ /^-?[0-9]/) {
                    d = apart(want + 0, got + 0)
                    bad = !(d <= limit_of(key, golden[row]))
                    if (!(d <= most[key])) most[key] = d
                } else bad = want != got
                if (!bad) continue
                printf "%s: row %d: %s is %s, not %s\n", name, row, key, got, want
                failed = 1
            }
        }
        END {
            if (row != rows) { printf "%s: %d rows, not %d\n", name, row, rows; failed = 1 }
            printf "%-18s loss %.1e, gradient norm %.1e, clip %.1e; evaluated loss %.1e, calibration %.1e\n",
                   name, most["loss"], most["gradient_norm"], most["clip"], most["ensemble_nll"],
                   most["ensemble_ece"]
            exit failed
        }' "$1" "$2"
}

# The same sequence of greedy steps; mean and spread may differ by fp32 rounding.
compare_rounds() {
    awk -F, -v name="$3" '
        function far(a, b) { return (a > b ? a - b : b - a) > 1e-5 * (a < 0 ? -a : a) + 1e-7 }
        !/^[0-9]/ { next }
        NR == FNR { golden[++rows] = $0; next }
        {
            if (++row > rows) exit
            split(golden[row], want, ",")
            for (i = 1; i <= 7; i++)
                if (i < 6 ? want[i] + 0 != $i + 0 : far(want[i], $i)) {
                    printf "%s: greedy step %d is %s, not %s\n", name, row, $0, golden[row]
                    failed = 1
                    break
                }
        }
        END {
            if (row != rows) { printf "%s: %d greedy steps, not %d\n", name, row, rows; failed = 1 }
            exit failed
        }' "$1" "$2"
}

while read -r case ranks options; do
    read -ra words <<<"$options"
    golden=$PWF_SOURCE_DIR/tests/train/golden/$case
    for backend in plain openblas onednn; do
        name=$case-$backend
        dist "$ranks" "$name.log" -c "$PWF_SOURCE_DIR/tests/train/golden.yaml" --output "$name" \
            --set parallel.backend="$backend" "${words[@]}"
        expect 0 "$name"
        check "$name: metrics" compare "$golden.jsonl" "$name/metrics.jsonl" "$name"
        check "$name: rounds" compare_rounds "$golden.csv" "$name/rounds.csv" "$name"
    done
done <<EOT
paper 1
slots 2 --set parallel.slots=4
reference 1 --set fixing.compat=reference
joined 1 --set fixing.sigma_join=divide_by_2 --set fixing.zero_fix=false --set fixing.max_order=3
excluded 1 --set train.seed=23 --set fixing.exclude=[fc.*,conv1.weight] --set fixing.sigma_join=keep
EOT
finish
