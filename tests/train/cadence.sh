#!/usr/bin/env bash
# Checkpoints by the clock of rank 0, at the same step on all ranks; the intervals are so short that one is
# due at every step. Results do not change. The same for Young's interval, and which files are kept.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
dist 1 whole.log -c "$tiny" --output whole
expect 0 "checkpoints of rounds alone"
steps=$(sed -n 's/.*code=RESULT .*steps=\([0-9]*\).*/\1/p' whole.log)
check "steps of the whole run" test "${steps:-0}" -ge 20
number=0
for key in minutes=1e-7 failure_hours=1e-12; do
    number=$((number + 1)) run=run$number
    dist 2 $run.log -c "$tiny" --output $run --set checkpoint.$key --set checkpoint.keep_every=5 \
        --set parallel.shards=2
    expect 0 "checkpoint.$key"
    saved=$(sed -n 's/.*code=CKPT .*ckpt-\(0*[1-9][0-9]*\)\.h5.*/\1/p' $run.log | sort -u | wc -l)
    check "$key: $saved steps of $steps have a checkpoint" test "$saved" = "$steps"
    same_rows whole $run
    same_state whole $run
    for ((step = 5; step <= steps; step += 5)); do
        check "$key: step $step stays" test -e "$run/ckpt-$(printf %010d $step).h5"
    done
    check "$key: step 6 goes" test ! -e $run/ckpt-0000000006.h5
done
# With an interval longer than the run there are only the checkpoints of the rounds.
dist 1 never.log -c "$tiny" --output never --set checkpoint.minutes=1e7 --set checkpoint.failure_hours=1e7
expect 0 "long intervals"
check "no more checkpoints than without" test "$(grep -c code=CKPT never.log)" = "$(grep -c code=CKPT whole.log)"
finish
