#!/usr/bin/env bash
# checkpoint.async: a run writes the same files with the same bits as without it, also if it is disturbed while
# a checkpoint is being written. Usage: async.sh [ON: fault points are compiled in]
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
faults=${1:-OFF}
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
settings=(-c "$tiny" --set checkpoint.every=3)
async=("${settings[@]}" --set checkpoint.async=true)
dist 1 whole.log "${settings[@]}" --output whole --set checkpoint.async=false
expect 0 "without"

rest() { # rest RUN: resumes it on another mesh and compares it with the whole run
    dist 3 "$1.more.log" "${async[@]}" --output "$1" --resume auto --set parallel.shards=3 \
        --set checkpoint.stop_after=0
    expect 0 "$1: resumed"
    same "$1"
}
same() {
    same_rows whole "$1"
    same_state whole "$1"
    check "$1: other files: $(diff <(ls -A whole) <(ls -A "$1"))" cmp -s <(ls -A whole) <(ls -A "$1")
    for file in whole/*.h5; do
        check "$1: another $file" h5diff -q --exclude-path /run "$file" "$1/${file#whole/}"
    done
}
# row RUN STEP KEY: one number of the metrics row of a checkpoint
row() { grep '"kind": "checkpoint", "step": '"$2," "$1/metrics.jsonl" | tail -n 1 | sed -n "s/.*\"$3\": \([0-9.]*\).*/\1/p"; }

# ---- undisturbed, on shards and replicas
dist 4 plain.log "${async[@]}" --output plain --set parallel.shards=2
expect 0 "concurrent with steps"
same plain
for key in seconds lost_seconds lost_steps; do
    check "$key of a checkpoint: $(row plain 6 $key)" test "$(row plain 6 $key | grep -c '[1-9]')" = 1
done
check "steps during a checkpoint, until the next" test "$(row plain 6 steps_beside)" = 3
check "every checkpoint has a row" test "$(grep -c '"kind": "checkpoint"' plain/metrics.jsonl)" = "$(grep -c code=CKPT plain.log)"
check "no steps during a checkpoint without checkpoint.async" test "$(row whole 6 steps_beside)" = 0

# Checkpoints by the clock never overlap and do not change the results.
dist 2 clock.log "${async[@]}" --output clock --set checkpoint.minutes=1e-7 --set parallel.shards=2
expect 0 "as often as possible"
same_rows whole clock
same_state whole clock

# The MPI-IO writer is refused; the copy of the state is part of the memory estimate.
dist 1 refused.log "${async[@]}" --output refused --set checkpoint.writer=mpiio
expect 78 "by MPI-IO"
says refused.log "must not call MPI-IO"
other() { sed -n '/^nodes/{n;p;}' "$1" | tr -s ' ' | cut -d ' ' -f "$2"; }
large=(--output none --dry-run --set "model.widths=256,512")
dist 1 with.log "${async[@]}" "${large[@]}"
dist 1 without.log "${settings[@]}" "${large[@]}" --set checkpoint.async=false
check "memory for the copy" awk "BEGIN { d = $(other with.log 9) - $(other without.log 9) - $(other with.log 5); exit !(d * d < 1 && $(other with.log 5) > 20) }"

# ---- stopped and resumed
dist 2 stop.log "${async[@]}" --output stop --set checkpoint.stop_after=10
expect 75 "stopped"
check "where it stopped is saved" test "$(newest stop)" = stop/ckpt-0000000010.h5
rest stop

[ "$faults" = ON ] || { finish; exit; }

# with RUN CODE POINT:RANK:COUNT:ACTION OPTIONS...
with() {
    local run=$1 expected=$2 fault=$3
    shift 3
    PWF_TEST_FAULT=$fault dist 2 "$run.log" "${async[@]}" --output "$run" --set parallel.shards=2 "$@"
    expect "$expected" "$run"
    check "$run: the fault did not fire" grep -q "^fault ${fault##*:} at ${fault%%:*}" "$run.log"
}

# A slow disk: steps are made and logged while the checkpoint is written. It has five stages; the end of
# each is noticed in a step, or when the round waits for it.
with slow 0 ckpt.after_data:1:1:delay --set checkpoint.every=0
same_rows whole slow
same_state whole slow
check "slow: steps during the slow write" test "$(row slow 4 steps_beside)" -ge 5
says slow.log "phase=checkpoint step=$((4 + $(row slow 4 steps_beside))) msg=\"checkpoint slow/ckpt-0000000004.h5"

# Signals to one rank while its thread writes.
with usr1 75 ckpt.after_data:1:3:usr1
says usr1.log "on SIGUSR1"
rest usr1

# Killed while the thread writes.
with kill 137 ckpt.after_readback:1:3:kill
rest kill

# A failed write is a warning that names the step of the checkpoint.
with eio 0 ckpt.after_fsync:1:3:eio
says eio.log "code=CKPT_FAILED"
says eio.log "no checkpoint at step 6: injected fault at ckpt.after_fsync"
same_rows whole eio
same_state whole eio

# When the state goes bad, the run rolls back to the checkpoint under way, as without checkpoint.async.
for way in true false; do
    with bad_$way 0 train.mu:1:8:nan --set checkpoint.async=$way
    check "$way: back to step 6" grep -q "code=ROLLBACK .*ckpt-0000000006.h5" bad_$way.log
done
same_rows bad_false bad_true
same_state bad_false bad_true

# A hanging thread ends the job, although steps are still being made. The limit is some hundred times what
# a stage of a checkpoint or five steps take.
with hang 79 ckpt.after_data:1:1:hang --set watchdog.checkpoint=20 --set train.baseline_epochs=100
says hang.log "code=STUCK rank=1"
says hang.log "the thread that writes a checkpoint made no progress for 20 s; the limit is watchdog.checkpoint"
check "steps continued" test "$(grep -c '"kind": "step"' hang/metrics.jsonl)" -gt 4
finish
