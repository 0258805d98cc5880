# Storage that reports false success: written data are lost, misplaced, short, zero or wrong; or reads are.
# shellcheck shell=bash disable=SC2034,SC2154
title="lying storage, in a commit and in a load"
units="1 all all"

setup() {
    local kind
    for kind in lost misdirected torn zeroed turned; do
        printf '%s\n' "pwrite call write $kind once" "mpiio call write $kind once"
    done >list.txt
    for kind in zeroed turned; do
        printf '%s\n' "pwrite call read $kind once" "pwrite load read $kind once" "pwrite load read $kind ever"
    done >>list.txt
    printf '%s\n' "pwrite load read eio once" "pwrite load read short once" "pwrite load read eintr once" >>list.txt
}

unit() {
    local writer what call kind often
    read -r writer what call kind often <<<"$2"
    sweep_calls "$writer" "$what" "$call" "$kind" "$often"
}
