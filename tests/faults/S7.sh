# The limits of requeueing.
# shellcheck shell=bash disable=SC2034,SC2154
title="a limit of restarts, no progress, a bad host"
units="0 3 6"
source "$PWF_SOURCE_DIR/tests/slurm/lib.sh"

setup() { whole_run; }

begin() {
    rm -rf s
    mkdir s
    slurm_begin "$PWD/s" mpirun --bind-to none
}

# limit FAULT WHY: the third start is the last; when submitted again, the job finishes.
limit() {
    PWF_TEST_FAULT=$1 submit run --nodes=2 -- "${settings[@]:2}"
    job_ends "FAILED 75 2"
    starts 3
    says s/run.log "is not requeued: "
    says s/run.log "$2"
    unset PWF_RESTARTS
    submit run --nodes=2 -- "${settings[@]:2}"
    job_ends "COMPLETED 0 0"
    as_whole
    row_ends "$2"
}

# A program that twice reports a hang on n1.
bad_host() {
    mkdir s/programs
    # shellcheck disable=SC2016
    printf '%s\n' '#!/bin/bash' '[ "$SLURM_JOB_NODELIST" = n1 ] || exit 0' 'mkdir -p "$PWF_SCRATCH/run"' \
        'touch "$PWF_SCRATCH/run/ckpt-${SLURM_RESTART_COUNT:-0}.h5"' \
        'echo "level=error code=STUCK rank=1 host=n1 job=1 msg=hung" >&2' 'exit 79' >s/programs/pwf_dist
    chmod +x s/programs/pwf_dist
    PWF_PROGRAMS=$PWD/s/programs submit run --nodes=1 --
    job_ends "COMPLETED 0 2"
    says s/run.log "excluding host n1"
    says s/run.log "restart 2, nodes n2"
    row_ends "a host that hangs twice is left out"
}

unit() {
    begin
    case $(($1 % 3)) in
    1) export PWF_RESTARTS=2 && limit train.step:0:2:usr1 "started again 2 times" ;;
    2) limit train.begin:0:1:usr1 "two starts in a row made no step" ;;
    0) bad_host ;;
    esac
}
