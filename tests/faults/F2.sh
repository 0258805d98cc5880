# A rank that stands still for less than the limit.
# shellcheck shell=bash disable=SC2034,SC2154
title="SIGSTOP, and SIGCONT at 0.8 of the limit"
units="1 200 200"

setup() { whole_run; }

unit() {
    local run=pause$1 phase=${phases[(seed + 3 * $1) % 10]} action=stop
    patience 4 start step fix evaluate checkpoint finish
    hold "$run" "$phase"
    sleep 3.2
    send CONT "${rank[@]}"
    end_job "$run"
    expect 0 "$run"
    failing=code check "$run: a false alarm" test -z "$(grep code=STUCK "$run.log")"
    take_up "$run"
    case_is good "stopped for 3.2 s in $held"
    rm -rf "$run" "$run".log*
}
