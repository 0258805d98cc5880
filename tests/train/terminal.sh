#!/usr/bin/env bash
# On a terminal there are messages and a live progress line, also through the pipes of mpirun; a batch log
# and a dumb terminal get complete lines.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml

on_terminal() { # on_terminal TERM LOG OPTIONS...: as dist on one rank, on a terminal of 60 columns
    local term=$1 log=$2
    shift 2
    code=0
    TERM=$term timeout -k 5 300 script -qec "stty cols 60; mpirun --oversubscribe --bind-to none \
        -n 1 '$PWF_BIN_DIR/pwf_dist' $*" /dev/null >"$log" 2>&1 </dev/null || code=$?
}

on_terminal xterm live.log -c "$tiny" --output live --set log.interval=5
expect 0 "a run on a terminal"
check "a live line" grep -qE $'\r(baseline|evaluation|train)' live.log
check "the live line is wider than the terminal" \
    test -z "$(tr '\r' '\n' <live.log | grep images/s | sed 's/\x1b\[K.*//' | grep -E '^.{60}')"
check "messages are sentences" test -z "$(grep level=info live.log)"
says live.log "before the first round: top-1"

on_terminal dumb dumb.log -c "$tiny" --output dumb --set log.interval=5
expect 0 "a run on a dumb terminal"
check "no live line on a dumb terminal" test -z "$(grep -F $'\x1b[K' dumb.log)"
says dumb.log "of the run"

dist 1 batch.log -c "$tiny" --output batch --set log.interval=5 --set checkpoint.stop_after=10
expect 75 "a batch run"
check "no carriage return in a batch log" test -z "$(grep -F $'\r' batch.log)"
says batch.log "code=PROGRESS"
# After a resume, the percentage is that of the whole run.
dist 1 more.log --resume --output batch --set log.interval=5 --set checkpoint.stop_after=1
expect 75 "resumed"
dist 1 more.log --resume --output batch --set log.interval=1 --set checkpoint.stop_after=1
check "the percentage starts at 0 again" test -z "$(grep -E ', [0-9] % of the run' more.log)"
says more.log "% of the run"
finish
