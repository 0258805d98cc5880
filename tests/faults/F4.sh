# The injected clock of one rank says that its work takes far longer.
# shellcheck shell=bash disable=SC2034,SC2154
title="a rank that is many times slower is named"
units="1 10 10"

setup() { whole_run; }

unit() {
    local run=slow$1 on=$((RANDOM % 3)) since=$((RANDOM % 6 + 1))
    PWF_TEST_FAULT=train.slots:$on:$since:slow8 dist 3 "$run.log" "${settings[@]}" --output "$run" --set watchdog.interval=2
    expect 0 "$run"
    failing=silent check "$run: rank $on is not named" grep -q "code=STRAGGLER rank=$on " "$run.log"
    resume_to_end "$run"
    case_is good "rank $on of 3 slow for 8 steps from step $since"
    rm -rf "$run" "$run".log*
}
