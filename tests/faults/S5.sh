# Slurm loses a node on which ranks keep running and hold the run directory.
# shellcheck shell=bash disable=SC2034,SC2154
title="slurmd killed under a running Slurm job"
units="0 all all"
source "$PWF_SOURCE_DIR/tests/slurm/lib.sh"

settings+=(--set train.baseline_epochs=20)
setup() {
    whole_run
    for launcher in mpirun srun; do
        printf "$launcher %s\n" "1 n1 flock" "1 n1 file" "2 n1 flock" "2 n2 flock"
    done >list.txt
}

slurmd() { bash "$PWF_SOURCE_DIR/tests/slurm/cluster.sh" "$1" "$PWD/s/slurm" "$2"; }
is_down() { [[ $(sinfo --noheader --Node --nodes="$1" --format=%t | head -n 1) == down* ]]; }

# Its ranks may have ended with the launcher, or still run and hold the run directory.
goes_on() { log_has run "asked to stop; waiting for it" || log_has run code=RESUME || is_over "$job"; }

unit() {
    local launcher nodes node lock
    read -r launcher nodes node lock <<<"$2"
    other_fault=none:0:1:eio
    if [ "$lock" = file ]; then other_fault=lock.flock:0:1:eio:1000; fi
    held_job "$launcher" --nodes="$nodes" --
    slurmd kill "$node"
    failing=hang check "Slurm notices" wait_until 240 is_down "$node"
    if [ "$nodes" = 2 ]; then slurmd revive "$node"; fi
    failing=hang check "the later start begins" wait_until 240 goes_on
    earlier="was gone"
    if log_has run "asked to stop; waiting for it"; then earlier="was waited for"; fi
    let_go run
    job_ends "COMPLETED 0 1"
    starts 2
    as_whole
    row_ends "$launcher: slurmd of $node of $nodes killed at step $step, lock by $lock: the earlier start $earlier"
}
