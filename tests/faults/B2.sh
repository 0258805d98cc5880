# A system call of a commit fails, transfers half of its bytes, or reports false success.
# shellcheck shell=bash disable=SC2034,SC2154
title="a system call of a commit fails, is short, or lies"
units="9 all all"

# Each kind of call, from the first of rank 0 to the last of rank 1, with both writers and in the background.
setup() {
    local writer
    for writer in pwrite async mpiio; do
        printf "$writer %s\n" "write eio once" "write eio ever" "write enospc once" "write enospc ever" \
            "write edquot once" "write short once" "write short ever" "write eintr once" \
            "read eio once" "read short ever" \
            "read eintr once" "sync eio once" "sync eintr once" "open eio once" "open enospc once" \
            "reserve enospc once" "reserve edquot once" "reserve eintr once" "reserve eopnotsupp ever" \
            "rename eio once" "mode eio once"
    done >list.txt
}

unit() {
    local writer call kind often
    read -r writer call kind often <<<"$2"
    sweep_calls "$writer" call "$call" "$kind" "$often"
}
