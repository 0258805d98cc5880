# Conditions that are no errors: short transfers, and signals that interrupt system calls.
# shellcheck shell=bash disable=SC2034,SC2154
title="short transfers; many interrupting signals"
units="1 20 60"

setup() { whole_run; }

unit() {
    local what ranks=$((RANDOM % 3 + 1))
    case $((($1 - 1) % 3)) in
    0) what="short and a storm" ;;
    1) what="short" ;;
    2) what="a storm" ;;
    esac
    shimmed ""
    [[ $what != *short* ]] || shimmed "-1 run/|/datasets/ transfer short 1 ever"
    [[ $what != *storm* ]] || wrapper+=(PWF_SHIM_STORM=1)
    rm -rf run
    dist $ranks run.log "${settings[@]}" --output run
    wrapper=()
    expect 0 "$what"
    [[ $what != *storm* ]] || check "no storm" grep -q '^shim: a storm' run.log
    [[ $what != *short* ]] || check "no transfer was short" grep -q '^shim: short' run.log
    failing=code check "a checkpoint was given up" bash -c '! grep -q code=CKPT_FAILED run.log'
    same_rows whole run
    same_state whole run
    no_leftovers run
    case_is good "$what, $ranks ranks"
}
