# A loss that jumps.
# shellcheck shell=bash disable=SC2034,SC2154
title="loss times 100: once, and for ever"
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
        failing=silent check "$run: does not say why" grep -q "code=NUMBERS .*the loss jumped" "$run.log"
        settle "$run"
        dist 1 "$run.log" "${settings[@]}" --output "$run" --resume auto
    fi
    # Steps that were passed over are missing in the results, as they should be.
    [ $times = 1 ] || grep -q code=NUMBERS_SKIPPED "$run.log" || code=0
    expect 0 "$run: goes on without the fault"
    [ $times != 1 ] || take_up "$run"
    case_is good "from slot $count of rank $on, $([ $times = 1 ] && echo once || echo for ever)"
    rm -rf "$run" "$run".log*
}
