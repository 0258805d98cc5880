# A rank skips a collective or enters another one, as after a wrong branch.
# shellcheck shell=bash disable=SC2034,SC2154
title="a rank skips a collective"
units="3 100 300"

setup() { whole_run; }

unit() {
    local run=skip$1 kinds=(agree gather broadcast reduce) kind on=$((RANDOM % 2)) count how
    kind=${kinds[(seed + $1) % 4]}
    # lower bounds of the number of calls in a run
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
    how=
    case $code in
    0) how="no harm" ;;
    79) how="the watchdog" ;;
    76) how="diverged" ;;
    70) how="a message of another length" ;;
    124) failing=hang check "$run: hung" false ;;
    *) failing=code check "$run: ended with $code" false ;;
    esac
    [ "$code" = 0 ] || failing=silent check "$run: ended with $code and no message" grep -q "level=error" "$run.log"
    cp "$run.log" "$run.first.log"
    resume_to_end "$run"
    [ -z "$fault" ] || cat "$run.first.log"
    case_is good "$kind $count of rank $on skipped: $how"
    rm -rf "$run" "$run".*log*
}
