# The loss jumps.
# shellcheck shell=bash disable=SC2034,SC2154
title="loss times 100: once, and permanently"
units="2 20 60"
settings+=(--set train.baseline_epochs=3 --set checkpoint.every=20)

setup() { whole_run; }

unit() {
    local run=jump$1 on=$((RANDOM % 2)) count=$(((RANDOM % 36 + 22) * 4 + 1)) times=1
    [ $(($1 % 2)) = 1 ] || times=99999
    PWF_TEST_FAULT=train.loss:$on:$count:grow${times#1} dist 2 "$run.log" "${settings[@]}" --output "$run"
    check "$run: the fault did not fire" grep -q "^fault grow" "$run.log"
    if [ $times = 1 ]; then
        expect 0 "$run"
        failing=silent check "$run: not seen" grep -q "code=NUMBERS_RERUN .*the loss jumped" "$run.log"
    else
        expect 76 "$run"
        failing=wrong check "$run: more than two rollbacks" test "$(grep -c code=ROLLBACK "$run.log")" -le 2
        failing=silent check "$run: no reason given" grep -q "code=NUMBERS .*the loss jumped" "$run.log"
        settle "$run"
        dist 1 "$run.log" "${settings[@]}" --output "$run" --resume auto
    fi
    # The results lack the skipped steps, as intended.
    [ $times = 1 ] || grep -q code=NUMBERS_SKIPPED "$run.log" || code=0
    expect 0 "$run: resumes without the fault"
    [ $times != 1 ] || resume_to_end "$run"
    case_is good "from slot $count of rank $on, $([ $times = 1 ] && echo once || echo permanently)"
    rm -rf "$run" "$run".log*
}
