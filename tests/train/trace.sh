#!/usr/bin/env bash
# log.trace: one valid file with every phase on every rank and worker, also after a run is killed; it
# changes no bit, and later jobs leave it alone.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
faults=${1:-OFF}
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
good() { "$(dirname "$PWF_BIN_DIR")/tests/trace_check" "$@"; }
steps=(train step hash sample gather slots/2 slot/2 images/2 forward/2 backward/2 move losses reduce gradient norms
    agreement update fingerprint)
trace=(--set log.trace=true)
mesh=(--set parallel.shards=2 --set parallel.threads=2)

# A whole run.
dist 1 plain.log -c "$tiny" --output plain
expect 0 "without a trace"
check "no trace without log.trace" test -z "$(find plain -name 'trace*')"
dist 2 all.log -c "$tiny" --output all "${mesh[@]}" "${trace[@]}" --set log.trace_steps=1000 \
    --set checkpoint.async=true --set checkpoint.every=7
expect 0 "with a trace"
says all.log "trace of 20 steps in all/trace-0000000000.json"
same_rows plain all
same_state plain all
check "the trace of a whole run" good all/trace-0000000000.json 2 2 "${steps[@]}" start chunks chunk fix round \
    evaluate checkpoint write finish
step_numbers() { grep -o '"args": {"step": [0-9]*}' "$1" | grep -o '[0-9]*' | sort -un | tr '\n' ' '; }
check "every step is there" test "$(step_numbers all/trace-0000000000.json)" = "$(seq -s ' ' 0 19) "
check "no span was left out" test "$(grep -c 'spans left out' all/trace-0000000000.json)" = 0

# Two steps from the third on, then again after a stop, twice from the same checkpoint.
some=(-c "$tiny" --output some "${trace[@]}" --set log.trace_from=3 --set log.trace_steps=2)
dist 2 some.log "${some[@]}" "${mesh[@]}" --set checkpoint.stop_after=6
expect 75 "stopped"
check "a trace of two steps" good some/trace-0000000003.json 2 2 train step gather slot update
check "of steps 3 and 4" test "$(step_numbers some/trace-0000000003.json)" = "3 4 "
sha256sum some/trace-*.json >some.sum
dist 2 resumed.log --resume "${some[@]}" --set checkpoint.stop_after=3
expect 75 "resumed"
rm some/ckpt-0000000009.h5
dist 1 again.log --resume "${some[@]}" --set parallel.shards=1 --set parallel.threads=1 --set checkpoint.stop_after=3
expect 75 "resumed again"
check "the earlier trace is as it was" sha256sum --quiet -c some.sum
check "a resumed run begins with its first step" good some/trace-0000000006.json 2 2 step slot
check "of steps 6 and 7" test "$(step_numbers some/trace-0000000006.json)" = "6 7 "
check "a second one from there has another name" good some/trace-0000000006-2.json 1 1 step slot backward

# Killed.
start killed "step 6" -c "$tiny" --output killed "${trace[@]}" --set log.trace_steps=1000 \
    --set log.level=info --set log.interval=1
kill -9 -- -$group 2>/dev/null || true
while kill -0 -- -$group 2>/dev/null; do sleep 0.05; done
check "the trace of a killed run" good killed/trace-0000000000.json 2 1 step slot update

# A trace that cannot be written ends; the run continues, and what has been written stays.
if [ "$faults" = ON ]; then
    export PWF_TEST_FAULT=train.trace:0:4:eio
    dist 2 fails.log -c "$tiny" --output fails "${trace[@]}" --set checkpoint.stop_after=6
    unset PWF_TEST_FAULT
    expect 75 "a trace that cannot be written"
    says fails.log "the trace ends here"
    check "a trace of two steps, then none" good fails/trace-0000000000.json 2 1 step slot update
    check "of steps 0 and 1" test "$(step_numbers fails/trace-0000000000.json)" = "0 1 "
fi
finish
