# A rank is stopped for less than the limit.
# shellcheck shell=bash disable=SC2034,SC2154
title="SIGSTOP, and SIGCONT before the limit"
units="1 200 200"

setup() { whole_run; }

unit() {
    local run=pause$1 phase=${phases[(seed + 3 * $1) % 10]} action=stop pause=16
    [ "$tier" != quick ] || pause=4
    patience 20 start step fix evaluate checkpoint finish
    hold "$run" "$phase"
    sleep $pause
    send CONT "${rank[@]}"
    end_job "$run"
    expect 0 "$run"
    failing=code check "$run: a false alarm" test -z "$(grep code=STUCK "$run.log")"
    resume_to_end "$run"
    case_is good "stopped for $pause s of 20 in $held"
    rm -rf "$run" "$run".log*
}
