# Non-finite and extreme values on one rank.
# shellcheck shell=bash disable=SC2034,SC2154
title="NaN, infinite, 1e38 and denormal numbers anywhere"
units="5 all all"

# POINT WHAT RANK: injected in a step, where a rerun repairs it, or in the state, where it stays.
setup() {
    local point what
    whole_run
    for point in image weights activation gradient loss statistics norm told mu momentum sigma save; do
        for what in nan inf huge tiny; do printf '%s\n' "$point $what 0" "$point $what 1"; done
    done >list.txt
    printf 'twice nan %s\n' 0 1 >>list.txt
}

# The rerun fails too: the step is skipped, with the same result on any mesh.
twice() { # twice RUN RANK COUNT
    PWF_TEST_FAULT=train.weights:0:$3:nan2 dist 1 "$1.log" "${settings[@]}" --output "$1"
    expect 0 "$1 on one rank"
    PWF_TEST_FAULT=train.weights:$2:$3:nan2 dist 2 "$1.two.log" "${settings[@]}" --output "$1.two"
    expect 0 "$1 on two ranks"
    check "$1: not exactly one step is skipped" test "$(grep -c "code=NUMBERS_SKIPPED" "$1.log" "$1.two.log" | cut -d : -f 2 | tr -d '\n')" = 11
    same_rows "$1" "$1.two"
    same_state "$1" "$1.two"
    case_is good "NaN in weights of rank $2, time $3 and in the rerun: skipped, the same on 1 and 2 ranks"
    rm -rf "$1" "$1".*
}

unit() {
    local run=number$1 point what on count kind
    read -r point what on <<<"$2"
    case $point in # lower bounds of the number of visits of a rank in a run
    image | activation | loss | statistics) count=$((RANDOM % 70 + 1)) ;;
    gradient) count=$((RANDOM % 1400 + 1)) ;; # once for each tensor of a slot
    save) count=$((RANDOM % 8 + 4)) ;;
    sigma) count=$((RANDOM % 15 + 5)) ;;
    *) count=$((RANDOM % 17 + 3)) ;;
    esac
    [ "$point" != twice ] || { twice "$run" "$on" "$count"; return; }
    PWF_TEST_FAULT="train.$point:$on:$count:$what:$((RANDOM * 32768 + RANDOM))" dist 2 "$run.log" "${settings[@]}" \
        --output "$run" --set parallel.shards=2
    check "$run: the fault did not fire" grep -q "^fault $what at train.$point" "$run.log"
    seen=$(grep -oE "code=(NUMBERS_[A-Z]*|ROLLBACK)" "$run.log" | sort -u | tr '\n' ' ')
    case $point.$what in
    *.tiny | *.huge) ;; # finite values; detected only if they lead to non-finite ones
    *) failing=silent check "$run: not seen" test -n "$seen" ;;
    esac
    kind=good
    # A difference between the ranks is never saved.
    if grep -q "code=NUMBERS .*holds a .* differs* from the other" "$run.log"; then kind=refused; fi
    expect "$([ $kind = good ] && echo 0 || echo 76)" "$run"
    for file in "$run"/*.h5; do
        failing=wrong check "$file holds a number that is not finite" test -z "$(h5dump "$file" | grep -wiE -m 1 'nan|inf')"
    done
    # A repaired step leaves no trace in the results.
    case $seen in
    "code=NUMBERS_RERUN ") same_rows whole "$run" && same_state whole "$run" ;;
    "code=ROLLBACK ") ! grep -q "changed in memory" "$run.log" || same_state whole "$run" ;;
    esac
    case_is $kind "$what in $point of rank $on, time $count: ${seen:-accepted}"
    rm -rf "$run" "$run".log*
}
