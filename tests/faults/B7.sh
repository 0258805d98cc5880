# One rank's disk takes five seconds for a write.
# shellcheck shell=bash disable=SC2034,SC2154
title="a slow disk: five seconds a write on one rank"
units="1 6 20"

setup() {
    whole_run
    shimmed "0 run/ write count 1 ever"
    dist 1 count.log "${settings[@]}" --output run
    sed -n 's/^shim: \([0-9]*\) calls of write/\1/p' count.log >writes.txt
    test "$(cat writes.txt)" -gt 100
}

unit() {
    local ranks=2 who=$((RANDOM % 2)) n=$((RANDOM % 30 + 1)) how=once limit=60
    # Every second unit delays all of the last writes, which together exceed the limit; no other rank
    # waits for this one.
    if [ $(($1 % 2)) = 0 ]; then ranks=1 who=0 n=$(($(cat writes.txt) - RANDOM % 15 - 10)) how=ever limit=20; fi
    shimmed "$who run/ write slow $n $how"
    rm -rf run
    dist $ranks run.log "${settings[@]}" --output run --set parallel.shards=$ranks --set watchdog.checkpoint=$limit
    wrapper=()
    expect 0 "a slow disk must not end the run"
    check "a false alarm" bash -c '! grep -qE "code=(STUCK|CKPT_FAILED)" run.log'
    same_rows whole run
    same_state whole run
    no_leftovers run
    case_is good "rank $who of $ranks, write $n $how: $(grep -q '^shim: slow' run.log && echo "slow" || echo "no such write")"
}
