# How srun and slurmstepd end a job: SIGTERM to every rank, later SIGKILL to the remaining ones.
# shellcheck shell=bash disable=SC2034,SC2154
title="SIGTERM to all ranks, SIGKILL 60 s or 20 s later"
units="3 30 60"

setup() { whole_run; }

# SIGKILL comes after 60 s or 20 s, or while a rank hangs in a commit.
unit() {
    local run=srun$1 patience=$(($1 % 2 == 1 ? 60 : 20)) kind=good action=delay phase=${phases[RANDOM % 10]} t was
    if (($1 % 3 == 0)); then action=hang phase=commit patience=3 kind=old; fi
    hold "$run" "$phase"
    send TERM ${rank[@]+"${rank[@]}"}
    for ((t = 0; t < patience * 20; t++)); do kill -0 "$group" 2>/dev/null || break; sleep 0.05; done
    kill -9 ${rank[@]+"${rank[@]}"} 2>/dev/null || true
    end_job "$run"
    was=$code
    if [ $kind = old ]; then expect 137 "$run: hung and killed"; else stopped "$run"; fi
    resume_to_end "$run"
    case_is $kind "$held, $patience s: code $was after $took ms, resumed from step $from"
    rm -rf "$run" "$run".log*
}
