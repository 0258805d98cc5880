# SIGTERM to the launcher ends a job; the launcher gives it two seconds.
# shellcheck shell=bash disable=SC2034,SC2154
title="SIGTERM to mpirun, in each phase"
units="3 60 500"

setup() { whole_run; }

unit() {
    local run=term$1 kind=old was
    export OMPI_MCA_odls_base_sigkill_timeout=1 # the default outside these tests
    hold "$run" "${phases[($1 * 3 + 3) % 10]}"
    send TERM "$launcher"
    end_job "$run"
    was=$code
    case $code in 1 | 75 | 143) ;; *) failing=code check "code $code after SIGTERM to mpirun" false ;; esac
    if grep -q code=STOPPED "$run.log"; then kind=good; fi
    resume_to_end "$run"
    case_is $kind "$held: code $was after $took ms, resumed from step $from"
    rm -rf "$run" "$run".log*
}
