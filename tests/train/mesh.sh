#!/usr/bin/env bash
# The same bits on every mesh: loss, fingerprint and codebook at every step, and every dataset of the
# final checkpoint outside /run.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*

# same CONFIG PREFIX: the run on one rank, then those of the lines "shards ranks threads" on stdin.
same() {
    local config=$1 one=${2}one shards ranks threads name
    shift 2
    dist 1 "$one.log" -c "$config" --output "$one" "$@"
    expect 0 "1 shard x 1 replica x 1 thread"
    while read -r shards ranks threads; do
        name=$one-$shards-$ranks-$threads
        dist "$ranks" "$name.log" -c "$config" --output "$name" \
            --set parallel.shards="$shards" --set parallel.threads="$threads" "$@"
        expect 0 "$shards shards on $ranks ranks of $threads threads"
        same_rows "$one" "$name"
        same_state "$one" "$name"
    done
    echo "fingerprint at the end: $(tail -n 2 "$one/metrics.jsonl" | grep -o '"fingerprint": "[^"]*"' | head -n 1)"
}

same "$PWF_SOURCE_DIR/tests/train/tiny.yaml" "" "$@" <<EOF
1 1 2
1 2 1
2 2 1
1 2 2
2 2 2
1 3 1
3 3 2
2 4 1
4 4 2
1 4 1
EOF
check "20 step rows" test "$(grep -c '"kind": "step"' one/metrics.jsonl)" = 20
check "2 rounds" test "$(grep -c '"kind": "round"' one/metrics.jsonl)" = 2
check "rounds.csv has both" grep -q '^2,' one/rounds.csv

# With bf16 products, and weights that are exchanged as bf16.
same "$PWF_SOURCE_DIR/tests/train/tiny.yaml" bf16_ "$@" --set parallel.precision=bf16 <<EOF
1 1 2
2 2 1
3 3 2
2 4 1
EOF
same "$PWF_SOURCE_DIR/tests/train/vit.yaml" bf16_vit_ "$@" --set parallel.precision=bf16 <<EOF
1 1 2
2 2 2
4 4 1
EOF

same "$PWF_SOURCE_DIR/tests/train/vit.yaml" vit_ "$@" <<EOF
1 1 2
2 2 2
1 3 1
4 4 2
EOF
# parallel.recompute gives the same bits.
for run in "tiny " "vit vit_"; do
    read -r config prefix <<<"$run"
    dist 2 "${prefix}again.log" -c "$PWF_SOURCE_DIR/tests/train/$config.yaml" --output "${prefix}again" \
        --set parallel.shards=2 --set parallel.threads=2 --set parallel.recompute=true "$@"
    expect 0 "$config with parallel.recompute"
    same_rows "${prefix}one" "${prefix}again"
    same_state "${prefix}one" "${prefix}again"
done
# Stopped in the first phase and in the second, and resumed on other meshes.
vit=(--output vit_lives --set checkpoint.stop_after=6)
dist 2 vit_life1.log -c "$PWF_SOURCE_DIR/tests/train/vit.yaml" "${vit[@]}" "$@"
expect 75 "transformer stopped"
dist 4 vit_life2.log --resume "${vit[@]}" --set parallel.shards=2 --set parallel.recompute=true
expect 75 "transformer stopped again"
dist 3 vit_life3.log --resume "${vit[@]}" --set parallel.shards=3 --set parallel.threads=2
expect 0 "transformer resumed"
same_rows vit_one vit_lives
same_state vit_one vit_lives
check "15 step rows" test "$(grep -c '"kind": "step"' vit_one/metrics.jsonl)" = 15
check "2 rounds of the transformer" test "$(grep -c '"kind": "round"' vit_one/metrics.jsonl)" = 2
finish
