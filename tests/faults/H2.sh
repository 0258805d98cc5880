# A bit of the replicated state is flipped on one rank.
# shellcheck shell=bash disable=SC2034,SC2154
title="one bit of replicated state flipped on one rank"
units="2 100 300"

setup() { whole_run; }

unit() {
    local run=bit$1 points=(position buffers codebook losses told mu) point more=() on=$((RANDOM % 3)) count=$((RANDOM % 20 + 1))
    point=${points[(seed + $1) % 6]}
    case $point in # empty at first; only steps with values are counted
    codebook) count=$((RANDOM % 8 + 1)) ;;
    losses) count=$((RANDOM % 17 + 1)) ;;
    mu) more=(--set watchdog.memory=false --set watchdog.interval=2) ;; # of a replica; with watchdog.memory its own rank would find it
    esac
    PWF_TEST_FAULT="train.$point:$on:$count:flip:$((RANDOM * 32768 + RANDOM))" dist 3 "$run.log" "${settings[@]}" --output "$run" ${more[@]+"${more[@]}"}
    check "$run: the fault did not fire" grep -q "^fault flip" "$run.log"
    if [ "$point" = told ]; then # repaired by a rerun
        expect 0 "$run"
        failing=silent check "$run: not seen" grep -q "code=NUMBERS_RERUN .*rank $on on " "$run.log"
    else
        expect 76 "$run"
        failing=silent check "$run: rank $on is not named" grep -q "code=NUMBERS .*rank $on on .* holds a .* differs* from the other" "$run.log"
        failing=wrong check "$run: tried again" test -z "$(grep code=ROLLBACK "$run.log")"
        settle "$run"
    fi
    resume_to_end "$run"
    case_is good "$point of rank $on of 3, time $count: found"
    rm -rf "$run" "$run".log*
}
