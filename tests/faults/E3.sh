# The same run under other conditions.
# shellcheck shell=bash disable=SC2034,SC2154
title="the same run: other placement, load, niceness, mesh"
units="1 20 30"

setup() { whole_run; }

kinds=(load core nice threads)

unit() {
    local run=again$1 kind=${kinds[($1 - 1) % 4]} shards=$((RANDOM % 3 + 1)) ranks i
    ranks=$((shards * (RANDOM % 2 + 1)))
    local with=("${settings[@]}" --output "$run" --set "parallel.shards=$shards")
    case $kind in
    load)
        for i in 1 2 3; do timeout 60 sh -c 'while :; do :; done' & done
        dist $ranks "$run.log" "${with[@]}"
        kill %1 %2 %3
        wait %1 %2 %3 || true
        ;;
    core)
        taskset -cp "$(taskset -cp $BASHPID | sed 's/.*: \([0-9]*\).*/\1/')" $BASHPID
        dist $ranks "$run.log" "${with[@]}"
        ;;
    nice)
        renice -n 19 -p $BASHPID
        dist $ranks "$run.log" "${with[@]}"
        ;;
    threads) dist $ranks "$run.log" "${with[@]}" --set parallel.threads=$((RANDOM % (8 / ranks) + 1)) ;;
    esac
    expect 0 "$run"
    same_rows whole "$run"
    same_state whole "$run"
    case_is good "$kind: $ranks ranks, $shards shards"
    rm -rf "$run" "$run.log"
}
