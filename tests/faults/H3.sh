# A bit of a weight is flipped in memory between two steps, in the exponent (odd units) or the mantissa.
# shellcheck shell=bash disable=SC2034,SC2154
title="one bit of a sharded weight"
units="2 200 1000"
settings+=(--set train.baseline_epochs=2 --set fixing.first_epochs=2 --set fixing.epochs=2 --set checkpoint.every=20
    --set eval.ensemble=none)

setup() { whole_run; }

unit() {
    local run=weight$1 on=$((RANDOM % 2)) count=$((RANDOM % 119 + 2)) bit=$((RANDOM % 23)) what=mantissa
    [ $(($1 % 2)) = 0 ] || what=exponent bit=$((23 + RANDOM % 8))
    PWF_TEST_FAULT=train.mu:$on:$count:flip:$(((RANDOM % 4096) * 32 + bit)) dist 2 "$run.log" "${settings[@]}" --output "$run" \
        --set parallel.shards=2
    check "$run: the fault did not fire" grep -q "^fault flip" "$run.log"
    # Before the first checkpoint a rollback is impossible. The highest bit of the exponent may be detected
    # by the checks of a step first.
    if [ $count -le 20 ]; then
        expect 76 "$run"
        failing=silent check "$run: not seen" grep -q "level=error code=NUMBERS" "$run.log"
        case_is refused "bit $bit ($what) of a weight of rank $on, step $count: 76, before the first checkpoint"
    else
        expect 0 "$run"
        failing=silent check "$run: not seen" grep -qE "code=ROLLBACK .*(rank $on .*changed in memory|finite|jump)" "$run.log"
        same_state whole "$run"
        case_is good "bit $bit ($what) of a weight of rank $on, step $count: rolled back"
    fi
    rm -rf "$run" "$run".log*
}
