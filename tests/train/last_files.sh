#!/usr/bin/env bash
# A run killed while it writes its last two files, the model and the last checkpoint, is taken up
# again and leaves both.
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml

PWF_TEST_FAULT="*:0:1:list" dist 2 whole.log -c "$tiny" --output whole
expect 0 "uninterrupted"
files=$(grep -c "fault point ckpt.before_create" whole.log)
check "at least a checkpoint per round, a model and a last checkpoint" test "$files" -ge 4

for nth in "$((files - 1))" "$files"; do
    PWF_TEST_FAULT="ckpt.before_create:0:$nth:kill" dist 2 "killed$nth.log" -c "$tiny" --output "run$nth"
    expect 137 "killed at file $nth of $files"
    dist 2 "resumed$nth.log" --resume auto --output "run$nth"
    expect 0 "resumed after a kill at file $nth"
    same_rows whole "run$nth"
    same_state whole "run$nth"
done
finish
