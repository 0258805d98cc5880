# A rank that leaves out a collective, as after a wrong branch, or enters another one instead.
# shellcheck shell=bash disable=SC2034,SC2154
title="a rank leaves out a collective"
units="3 100 300"

setup() { whole_run; }

unit() {
    local run=skip$1 kinds=(agree gather broadcast reduce) kind on=$((RANDOM % 2)) count how
    kind=${kinds[(seed + $1) % 4]}
    # so many times it comes to one in a run, at least
    case $kind in
    agree) count=$((RANDOM % 150 + 1)) ;;
    gather) count=$((RANDOM % 120 + 1)) ;;
    broadcast) count=$((RANDOM % 12 + 1)) ;;
    reduce) count=$((RANDOM % 8 + 1)) ;;
    esac
    patience 3 start step fix evaluate checkpoint finish
    PWF_TEST_FAULT=mesh.$kind:$on:$count:skip dist 2 "$run.log" "${settings[@]}" --output "$run" --set parallel.shards=2
    patience 0 start step fix evaluate checkpoint finish
    settle "$run"
    check "$run: the fault did not fire" grep -q "^fault skip" "$run.log"
    # The library may meet a message of another length first.
    how="code $code"
    case $code in
    0) how="no harm" ;;
    79) how="the watchdog" ;;
    76) how="parted" ;;
    *) failing=silent check "$run: ended with $code and no message" grep -qE "MPI_ERR|level=error|MPI_Abort|out of order" "$run.log" ;;
    esac
    failing=hang check "$run: hung" test "$code" != 124
    failing=crash check "$run: died of a signal" test "$code" -lt 128
    cp "$run.log" "$run.first.log"
    take_up "$run"
    [ -z "$fault" ] || cat "$run.first.log"
    case_is good "$kind $count of rank $on left out: $how"
    rm -rf "$run" "$run".*log*
}
