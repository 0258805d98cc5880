# The job script under a scheduler that stops it again and again.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
title="SIGUSR1 and requeue repeatedly, without Slurm"
units="1 4 20"

# Five restarts per unit, in a run long enough for all of them.
more=("${settings[@]:2}" --set train.baseline_epochs=20)
setup() {
    dist 2 whole.log -c "$PWF_SOURCE_DIR/tests/train/tiny.yaml" "${more[@]}" --output whole
    expect 0 "uninterrupted"
    mkdir -p bin slurm
    printf '%s\n' '#!/usr/bin/env bash' 'case $1 in' 'requeue) touch again ;;' \
        'show) echo " JobState=RUNNING Reason=None Restarts=${SLURM_RESTART_COUNT:-0} PreemptTime=None " ;;' \
        'esac' >bin/scontrol
    printf '%s\n' '#!/usr/bin/env bash' 'exit 0' >bin/srun
    chmod +x bin/*
    ln -sfn "$PWF_SOURCE_DIR/slurm/"*.sh slurm/
    echo 'PWF_LAUNCH=(mpirun --bind-to none -n 2)' >slurm/site.local.sh
    ln -sfn "$PWF_SOURCE_DIR/tests" tests
    printf '%s\n' 'source slurm/job.sh' 'pwf_job tests/train/tiny.yaml run "$@"' >job.sh
    test "$failures" = 0
}

steps() { grep -cs '"kind": "step"' run/metrics.jsonl || true; }

unit() {
    local restart script before code=75
    export PATH=$PWD/bin:$PATH PWF_PROGRAMS=$PWF_BIN_DIR PWF_SCRATCH=$PWD SLURM_JOB_ID=$((1000 + $1)) \
        SLURM_JOB_NUM_NODES=1 SLURM_NTASKS=2
    rm -rf run run.log
    for ((restart = 0; restart <= 6 && code == 75; restart++)); do
        if [ $restart != 0 ]; then export SLURM_RESTART_COUNT=$restart; fi
        rm -f again
        before=$(steps)
        bash job.sh "${more[@]}" >>run.log 2>&1 </dev/null &
        script=$!
        if [ $restart -lt 5 ]; then
            until [ "$(steps)" -gt "${before:-0}" ] || ! kill -0 $script 2>/dev/null; do sleep 0.02; done
            sleep 0.0$((RANDOM % 10))
            kill -USR1 $script 2>/dev/null || true
        fi
        code=0
        wait $script || code=$?
        if [ $restart -lt 5 ]; then
            expect 75 "start $restart"
            failing=code check "start $restart is requeued" test -e again
        fi
    done
    expect 0 "the last start"
    same_rows whole run
    same_state whole run
    no_leftovers run
    case_is good "$((restart - 1)) restarts"
}
