# One fsync of a run fails: that file is given up, and the next one is good.
# shellcheck shell=bash disable=SC2034,SC2154
title="fsync fails once, in a whole run"
units="2 all all"

# One line for each fsync of each rank.
setup() {
    local who count n
    whole_run || return 1
    for who in 0 1; do
        shimmed "$who sick.run sync count 1 ever"
        dist 2 count.log "${settings[@]}" --set parallel.shards=2 --output sick.run
        wrapper=()
        rm -rf sick.run
        count=$(sed -n 's/^shim: \([0-9]*\) calls.*/\1/p' count.log)
        test "$count" -ge 10
        for ((n = 1; n <= count; n++)); do echo "$who $n"; done
    done >list.txt
}

unit() {
    local who n
    read -r who n <<<"$2"
    shimmed "$who sick.run sync eio $n once"
    rm -rf sick.run
    dist 2 sick.run.log "${settings[@]}" --set parallel.shards=2 --output sick.run
    wrapper=()
    check "nothing was struck" grep -q '^shim: eio' sick.run.log
    failing=wrong check "a file was used after its sync had failed" bash -c '! grep -qE "^shim: [A-Z]+" sick.run.log'
    failing=silent check "no message" grep -qE 'did not reach the disk|cannot sync|cannot write' sick.run.log
    case $code in
    0) resume_to_end sick.run && case_is good "sync $n of rank $who: given up, the next one is good" ;;
    *)
        expect 74 "sync $n of rank $who"
        code=1
        resume_to_end sick.run
        case_is refused "sync $n of rank $who: ended with 74, and resumed from ${from:-0}"
        ;;
    esac
}
