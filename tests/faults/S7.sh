# Where a job stops requeueing itself.
# shellcheck shell=bash disable=SC2034,SC2154
title="a limit of restarts, and restarts without a step"
units="0 2 4"
source "$PWF_SOURCE_DIR/tests/slurm/lib.sh"

setup() { whole_run; }

# Odd units: two restarts are allowed. Even units: every start is asked to stop before its first step.
unit() {
    local inject=train.step:0:2:usr1 last="FAILED 75 2" why="started again 2 times" steps=6
    rm -rf s
    mkdir s
    slurm_begin "$PWD/s" mpirun --bind-to none
    if [ $(($1 % 2)) = 1 ]; then
        export PWF_RESTARTS=2
    else
        inject=train.begin:0:1:usr1 why="two starts in a row made no step" steps=0
    fi
    PWF_TEST_FAULT=$inject submit run --nodes=2 -- "${settings[@]:2}"
    job_ends "$last"
    starts 3
    says s/run.log "is not requeued: "
    says s/run.log "$why"
    unset PWF_RESTARTS
    submit run --nodes=2 -- "${settings[@]:2}"
    job_ends "COMPLETED 0 0"
    as_whole
    row_ends "$why"
}
