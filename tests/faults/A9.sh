# One rank uses more memory than its control group allows, and the system kills it.
# shellcheck shell=bash disable=SC2034,SC2154
title="a memory limit for one rank: OOM kill"
units="1 16 50"

setup() { whole_run; }

unit() {
    local box=/sys/fs/cgroup/memory/pwf-fault-$BASHPID first mib=$((RANDOM % 16 + 4))
    if ! mkdir "$box" 2>/dev/null; then
        case_is refused "not tried: no control groups here"
        return
    fi
    # It is busy until the last process has gone; $box is known here only.
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
    take_up run
    case_is "$([ "$first" = 0 ] && echo good || echo refused)" "$mib MiB: code $first${from:+, went on from step $from}"
}
