# A time limit under Slurm.
# shellcheck shell=bash disable=SC2034,SC2154
title="a Slurm job near its time limit, by mpirun"
units="0 3 10"
launcher=mpirun
source "$PWF_SOURCE_DIR/tests/slurm/lib.sh"

setup() { whole_run; }

# Slurm counts in minutes and checks every 30 seconds, so the run waits for the signal: in even units until
# the limit itself, after which KillWait remains.
unit() {
    local time=(--time=2 --signal=B:USR1@100) sign="SIGUSR1 for job" how="near the limit"
    if [ $(($1 % 2)) = 0 ]; then time=(--time=1 --signal=B:USR1@1) sign="TIME LIMIT" how="at the limit"; fi
    held_job $launcher --nodes=2 "${time[@]}" --
    failing=hang check "the signal" wait_until 150 log_has run "$sign"
    failing=hang check "the signal reaches a rank" wait_until 60 has_signal run
    let_go run
    job_ends "COMPLETED 0 [1-9]" # a check of Slurm may hit the second start too
    if [ $(($1 % 2)) = 1 ]; then says s/run.log "reason=usr1"; fi
    says s/run.log "job $job is requeued: "
    starts $(($(job_now "$job" | sed 's/.* //') + 1))
    as_whole
    row_ends "$launcher: stopped $how at step $step, requeued itself, finished"
}
