# One rank exceeds the memory limit of its control group, and the kernel kills it.
# shellcheck shell=bash disable=SC2034,SC2154
title="a memory limit for one rank: OOM kill"
units="1 16 50"

setup() { whole_run; }

unit() {
    local box=/sys/fs/cgroup/memory/pwf-fault-$BASHPID first mib=$((RANDOM % 16 + 4))
    if ! mkdir "$box" 2>/dev/null; then
        case_is refused "skipped: no control groups on this machine"
        return
    fi
    # The group can be removed only when its last process has ended; $box is local.
    at_end "for i in {1..50}; do rmdir $box 2>/dev/null && break; sleep 0.1; done"
    echo "${mib}M" >"$box/memory.limit_in_bytes"
    rm -rf run
    # shellcheck disable=SC2016
    wrapper=(bash -c '[ $OMPI_COMM_WORLD_RANK = 0 ] || echo $$ >'"$box"'/cgroup.procs; exec "$0" "$@"')
    dist 2 run.log "${settings[@]}" --output run --set parallel.shards=2
    wrapper=()
    first=$code
    case $code in
    0 | 137) ;;
    *) failing=code check "code $code of a killed rank" false ;;
    esac
    resume_to_end run
    case_is "$([ "$first" = 0 ] && echo good || echo refused)" "$mib MiB: code $first${from:+, resumed from step $from}"
}
