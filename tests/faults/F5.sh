# More ranks than cores, so that ranks and watchdogs get little processor time.
# shellcheck shell=bash disable=SC2034,SC2154
title="8 ranks starve: no false alarm"
units="1 100 300"

setup() { whole_run; }

unit() {
    local run=starved$1
    patience 20 step fix evaluate checkpoint finish
    patience 120 start
    dist 8 "$run.log" "${settings[@]}" --output "$run" --set parallel.shards=$((1 << RANDOM % 4)) --set watchdog.interval=2
    expect 0 "$run"
    failing=code check "$run: a false alarm" test -z "$(grep code=STUCK "$run.log")"
    patience 0 start step fix evaluate checkpoint finish
    resume_to_end "$run"
    case_is good "8 ranks on $(nproc) cores, limits of 20 s"
    rm -rf "$run" "$run".log*
}
