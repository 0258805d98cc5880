#!/usr/bin/env bash
# Runs with every augmentation, mixup and CutMix included: the same bits on every mesh and after a resume;
# grey images in memory and folders of JPEG files, with and without a loader.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
"$PWF_BIN_DIR/../tests/synthetic_tree" tree 4 24 5 1
all=()
for setting in crop=true brightness=0.4 contrast=0.4 saturation=0.4 hue=0.1 rand_layers=2 erase=0.25 \
    mixup=0.8 cutmix=1; do
    all+=(--set "augment.$setting")
done

grey() { dist "$1" "$2.log" -c "$PWF_SOURCE_DIR/tests/train/tiny.yaml" --output "$2" --set data.pad=0 "${@:3}"; }
colours() { dist "$1" "$2.log" -c "$PWF_SOURCE_DIR/tests/train/images.yaml" --output "$2" "${@:3}"; }

grey 1 grey "${all[@]}"
expect 0 "grey images on one rank"
grey 3 grey3 "${all[@]}" --set parallel.shards=3 --set parallel.threads=2
expect 0 "grey images on three ranks of two threads"
same_rows grey grey3
same_state grey grey3
grey 2 part "${all[@]}" --set checkpoint.stop_after=9
expect 75 "stopped after 9 steps"
dist 1 part2.log --resume --output part --set checkpoint.stop_after=0 --set parallel.threads=2
expect 0 "resumed"
same_rows grey part
same_state grey part

colours 1 colours "${all[@]}" --set data.threads=0
expect 0 "colour images on one rank"
colours 2 colours2 "${all[@]}" --set data.threads=3 --set parallel.shards=2 --set parallel.threads=2
expect 0 "colour images on two ranks of two threads"
same_rows colours colours2
same_state colours colours2

# Mixing changes the training.
losses() { grep '"kind": "step"' "$1/metrics.jsonl" | grep -o '"loss": [^,]*'; }
colours 1 plain --set checkpoint.stop_after=2
for setting in mixup=0.8 cutmix=1; do
    colours 1 "one-$setting" --set "augment.$setting" --set checkpoint.stop_after=2
    check "augment.$setting changes nothing" test "$(losses "one-$setting")" != "$(losses plain)"
done

grey 1 odd --set augment.mixup=0.8 --set train.batch=8
expect 78 "one image a slot cannot be mixed"
says odd.log "train.batch / parallel.slots is 1, an odd number"
finish
