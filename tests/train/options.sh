#!/usr/bin/env bash
# Options of fixing and training in whole runs: compatibility with the released code, other ways to join
# sigma, excluded parameters; the same bits on two meshes each.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
number=0
while read -r options; do
    number=$((number + 1))
    read -ra words <<<"$options"
    dist 1 "a$number.log" -c "$tiny" --output "a$number" "${words[@]}"
    expect 0 "$options"
    dist 4 "b$number.log" -c "$tiny" --output "b$number" "${words[@]}" --set parallel.shards=2
    expect 0 "$options on 2 x 2"
    same_rows "a$number" "b$number"
    same_state "a$number" "b$number"
    check "all fixed with $options" grep -q '^100' <(sed -n 's/.*\(100\.00 %\).*/\1/p' "a$number/summary.txt")
done <<EOF
--set fixing.compat=reference
--set fixing.sigma_join=divide_by_2 --set fixing.zero_fix=false --set fixing.min_power=5
--set optim.name=adamw --set optim.lr=0.001 --set train.baseline_lr=0.002
--set optim.name=lion --set optim.lr=0.0001 --set train.baseline_lr=0.0002 --set optim.beta2=0.99
--set optim.schedule=cosine --set optim.warmup=0.1 --set train.baseline_schedule=step
--set fixing.exclude=[fc.*,conv1.weight] --set fixing.sigma_join=keep
EOF
finish
