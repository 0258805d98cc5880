# System calls of a commit that fail, do half of their work, or lie.
# shellcheck shell=bash disable=SC2034,SC2154
title="a system call of a commit fails, is cut short or lies"
units="9 all all"

# Each sort of call, from the first of rank 0 to the last of rank 1, by both writers, and by pwrite in the background.
setup() {
    local writer
    for writer in pwrite async mpiio; do
        printf "$writer %s\n" "write eio once" "write eio ever" "write enospc once" "write enospc ever" \
            "write edquot once" "write short once" "write short ever" "write eintr once" \
            "write lost once" "write misdirected once" "read eio once" "read short ever" \
            "read eintr once" "sync eio once" "sync eintr once" "open eio once" "open enospc once" \
            "reserve enospc once" "reserve edquot once" "reserve eintr once" "reserve eopnotsupp ever" \
            "rename eio once" "mode eio once"
    done >list.txt
}

# After a hang or a crash the sweep goes on behind it. The last case finds no call left to strike.
unit() {
    local writer call kind often rank=0 n=1 lives last
    read -r writer call kind often <<<"$2"
    for ((lives = 0; lives < 200; lives++)); do
        rm -rf dir && mkdir dir
        sweep now.log "$writer" call dir "$call" "$kind" "$often" "$rank" "$n"
        sweep_cases "$writer" now.log strict
        last=$(grep '^case' now.log | tail -n 1)
        if grep -q '^done' now.log || [ -z "$last" ]; then break; fi
        rank=$(echo "$last" | cut -d ' ' -f 5)
        n=$(($(echo "$last" | cut -d ' ' -f 6) + 1))
    done
    check "$2: the sweep did not come to its end" grep -q '^done' now.log
    case_is good "$2: to the last call"
}
