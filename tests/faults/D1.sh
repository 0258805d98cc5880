# SIGUSR1 to the launcher asks a job to stop.
# shellcheck shell=bash disable=SC2034,SC2154
title="SIGUSR1 to mpirun, in each phase"
units="10 100 500"

setup() { whole_run; }

unit() {
    local run=stop$1 time
    hold "$run" "${phases[($1 - 1) % 10]}"
    send USR1 "$launcher"
    end_job "$run"
    time=$took
    stopped "$run"
    says "$run.log" "on SIGUSR1"
    resume_to_end "$run"
    case_is good "$held: 75 after $time ms, resumed from step $from"
    rm -rf "$run" "$run".log*
}
