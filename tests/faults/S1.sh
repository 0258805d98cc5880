# A time limit under Slurm.
# shellcheck shell=bash disable=SC2034,SC2154
title="a Slurm job near its time limit, by mpirun"
units="0 3 10"
launcher=mpirun
source "$PWF_SOURCE_DIR/tests/slurm/lib.sh"

setup() { whole_run; }

# Slurm counts in minutes and looks every 30 seconds, so the run waits for the signal.
unit() {
    held_job $launcher --nodes=2 --time=2 --
    failing=hang check "the signal" wait_until 90 log_has run "SIGUSR1 for job"
    failing=hang check "the signal reaches a rank" wait_until 60 has_signal run
    let_go run
    job_ends "COMPLETED 0 1"
    says s/run.log "reason=usr1"
    says s/run.log "requeued: it stopped in time"
    starts 2
    as_whole
    row_ends "$launcher: stopped at step $step, requeued itself, finished"
}
