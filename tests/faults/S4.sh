# Slurm ends a job in order to restart it.
# shellcheck shell=bash disable=SC2034,SC2154
title="scontrol requeue, and preemption"
units="0 all all"
source "$PWF_SOURCE_DIR/tests/slurm/lib.sh"

setup() {
    whole_run
    printf '%s\n' "mpirun requeue" "srun requeue" "mpirun preempt" "srun preempt" >list.txt
}

unit() {
    local launcher how kept
    read -r launcher how <<<"$2"
    held_job "$launcher" --nodes=2 --
    if [ "$how" = requeue ]; then
        scontrol requeue "$job"
    else
        (cd s/clone && sbatch --partition=urgent --nodes=2 --exclusive --output=/dev/null --wrap "sleep 2")
        wait_until 60 log_has run "SIGTERM for job" || true
    fi
    sleep 1
    let_go run
    job_ends "COMPLETED 0 1"
    starts 2
    kept=$(sed -n 's/.*code=RESUME .*: step \([0-9]*\),.*/\1/p' s/run.log)
    check "at most one interval is lost: $kept of $step" test "${kept:-0}" -ge $((step - 3))
    as_whole
    row_ends "$launcher: $how at step $step, went on from step $kept"
}
