# Runs the cases of this folder and lists what they computed. Sourced by bits.sh and make.sh.
# shellcheck shell=bash
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
here=$PWF_SOURCE_DIR/tests/first_edition

# The bytes of a .pwf file that do not depend on the version of the program that wrote it: not the version
# in the metadata, nor the hashes that cover it.
pwf_bytes() {
    head -c 96 "$1"
    tail -c +129 "$1" | LC_ALL=C sed -E 's/"program": "pwf [0-9.]+"//'
}

# list CASE RUN: the fingerprint after each step, and what the run produced.
list() {
    sed -nE "s/.*\"kind\": \"step\", \"step\": ([0-9]+),.*\"fingerprint\": \"([0-9a-f]+)\".*/$1 \1 \2/p" \
        "$2/metrics.jsonl"
    tool 1 "$2.json" inspect "$2/model.h5" --json
    echo "$1 model $(sed -nE 's/.*"fingerprint": "([0-9a-f]+)".*/\1/p' "$2.json")"
    echo "$1 rounds.csv $(sha256sum <"$2/rounds.csv" | cut -c 1-32)"
    echo "$1 model.pwf $(pwf_bytes "$2/model.pwf" | sha256sum | cut -c 1-32)"
    echo "$1 top1 $(grep '"final": true' "$2/metrics.jsonl" | grep -oE '"top1": [^,}]*' | cut -d ' ' -f 2)"
}

# run_cases: runs every case of cases.txt and prints their lists.
run_cases() {
    local name ranks threads options words
    while read -r name ranks threads options; do
        read -ra words <<<"$options"
        dist "$ranks" "$name.log" -c "$here/base.yaml" --output "$name" \
            --set parallel.threads="$threads" "${words[@]}"
        expect 0 "$name" >&2
        list "$name" "$name"
    done <"$here/cases.txt"
}
