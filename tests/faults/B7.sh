# One rank's disk takes five seconds for a write.
# shellcheck shell=bash disable=SC2034,SC2154
title="a slow disk: five seconds a write on one rank"
units="1 6 20"

setup() { whole_run; }

unit() {
    local who=$((RANDOM % 2)) n=$((RANDOM % 30 + 1)) how=once
    # From then on every write, with few checkpoints left, in every second unit.
    if [ $(($1 % 2)) = 0 ]; then n=$((n + 40)) how=ever; fi
    shimmed "$who run/ write slow $n $how"
    rm -rf run
    dist 2 run.log "${settings[@]}" --output run --set parallel.shards=2 --set watchdog.checkpoint=60
    wrapper=()
    expect 0 "a slow disk is no reason to end"
    check "a false alarm" bash -c '! grep -qE "code=(STUCK|CKPT_FAILED)" run.log'
    same_rows whole run
    same_state whole run
    no_leftovers run
    case_is good "rank $who, write $n $how: $(grep -q '^shim: slow' run.log && echo "slow" || echo "there are not so many")"
}
