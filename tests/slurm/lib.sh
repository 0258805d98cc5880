# Functions of the tests on a real Slurm. Sourced after tests/train/lib.sh or tests/faults/lib.sh.
# shellcheck shell=bash

# slurm_begin DIR [LAUNCHER...]: starts a Slurm of two nodes in DIR/slurm, until the script ends, and makes
# DIR/clone, from which jobs are submitted, with a site file that starts programs with LAUNCHER.
slurm_begin() {
    slurm_dir=$1
    shift
    unset OMPI_MCA_odls_base_sigkill_timeout
    trap slurm_end EXIT
    bash "$PWF_SOURCE_DIR/tests/slurm/cluster.sh" start "$slurm_dir/slurm" >/dev/null || return 1
    export SLURM_CONF=$slurm_dir/slurm/slurm.conf PWF_PROGRAMS=$PWF_BIN_DIR PWF_SCRATCH=$slurm_dir
    mkdir -p "$slurm_dir/clone/slurm"
    ln -sfn "$PWF_SOURCE_DIR/"{configs,jobs,tests} "$slurm_dir/clone/"
    ln -sfn "$PWF_SOURCE_DIR/slurm/"{job,requeue,site}.sh "$slurm_dir/clone/slurm/"
    # shellcheck disable=SC2016
    printf '%s\n' 'source "$pwf_home/slurm/site.sh"' \
        "${1:+PWF_LAUNCH=($*)}" >"$slurm_dir/clone/slurm/site.local.sh"
    # Like jobs/*.slurm, with the network of the other tests.
    # shellcheck disable=SC2016
    printf '%s\n' '#!/usr/bin/env bash' '#SBATCH --requeue --open-mode=append --signal=B:USR1@100' \
        'source "$SLURM_SUBMIT_DIR/slurm/job.sh"' 'pwf_job tests/train/tiny.yaml "$SLURM_JOB_NAME" "$@"' \
        >"$slurm_dir/clone/tiny.slurm"
}

slurm_end() {
    if [ -z "${SLURM_CONF:-}" ]; then return; fi
    scancel --me --state=PENDING 2>/dev/null || true
    scancel --me --signal=KILL --full 2>/dev/null || true
    pkill_runs
    wait_until 20 no_jobs || true
    bash "$PWF_SOURCE_DIR/tests/slurm/cluster.sh" stop "$slurm_dir/slurm"
}

no_jobs() { [ -z "$(squeue --noheader --me 2>/dev/null)" ]; }

# The ranks of the runs whose name begins with $1, found by their command line.
run_pids() { pgrep -f "^$PWF_BIN_DIR/pwf_dist .*--output $slurm_dir/$1" || true; }

pkill_runs() {
    local pids
    pids=$(run_pids '')
    if [ -n "$pids" ]; then xargs kill -9 <<<"$pids" 2>/dev/null || true; fi
}

# submit RUN SBATCH_OPTION... -- OPTION...: submits the tiny job with run directory RUN and log RUN.log; sets
# $job, its id.
submit() {
    local run=$1 options=()
    shift
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    # shellcheck disable=SC2034
    job=$(cd "$slurm_dir/clone" && sbatch --parsable --job-name="$run" --output="$slurm_dir/$run.log" \
        --ntasks=2 --cpus-per-task=1 "${options[@]}" tiny.slurm "$@")
}

# wait_until SECONDS COMMAND...: waits until COMMAND succeeds; fails after SECONDS.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        if [ $SECONDS -ge $end ]; then return 1; fi
        sleep 0.1
    done
}

log_has() { grep -aq -- "$2" "$slurm_dir/$1.log" 2>/dev/null; }

# has_steps RUN STEPS: whether the run has made at least STEPS steps.
has_steps() {
    [ "$(grep -cs '"kind": "step"' "$slurm_dir/$1/metrics.jsonl")" -ge "$2" ] 2>/dev/null
}

# The state of a job in Slurm: "STATE CODE RESTARTS".
job_now() {
    scontrol show job --oneliner "$1" |
        sed -nE 's/.* JobState=([A-Z_]+) .* Restarts=([0-9]+) .* ExitCode=([0-9]+):.*/\1 \3 \2/p'
}

is_over() { [[ $(job_now "$1") == @(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|PREEMPTED)* ]]; }

# hold RUN / let_go RUN: stops the ranks of a run, and continues them.
hold() { run_pids "$1" | xargs -r kill -STOP; }
let_go() { run_pids "$1" | xargs -r kill -CONT; }

# has_signal RUN: whether a stopped rank has a pending signal, or has ended.
has_signal() {
    local pid
    for pid in $(run_pids "$1"); do
        if grep -qsE '^ShdPnd:.*[1-9a-f]' "/proc/$pid/status"; then return 0; fi
    done
    [ -z "$(run_pids "$1")" ]
}

# ---- fault rows: one run of the tiny network in s/run, stopped half-way

# held_job LAUNCHER SBATCH_OPTION... -- OPTION...: starts a new Slurm in s/ and a job, $job, whose rank 0
# stops itself in the second half of the run, so that the next start does not reach this point again. The
# program gets the options in `settings` and OPTION. With $other_fault, the run is longer instead.
held_job() {
    local by options=()
    case $1 in
    mpirun) by=(mpirun --bind-to none) ;;
    srun) by=(srun --mpi=pmix --wait=60) ;;
    esac
    shift
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    rm -rf s
    mkdir s
    slurm_begin "$PWD/s" "${by[@]}" || { failing=hang check "cannot start Slurm" false; return 1; }
    step=$((11 + RANDOM % 6))
    # shellcheck disable=SC2154
    if [ -n "${other_fault:-}" ]; then
        PWF_TEST_FAULT=$other_fault submit run "${options[@]}" -- "${settings[@]:2}" "$@"
        failing=hang check "the job begins" wait_until 120 has_steps run $step
        hold run
    else
        PWF_TEST_FAULT=train.step:0:$step:stop submit run "${options[@]}" -- "${settings[@]:2}" "$@"
        failing=hang check "the job begins" wait_until 120 log_has run "^fault stop at"
    fi
}

# state_is JOB PATTERN: whether the state of a job matches.
# shellcheck disable=SC2053
state_is() { [[ $(job_now "$1") == $2 ]]; }

# job_ends PATTERN: waits for the end of the job, whose state must match.
job_ends() {
    failing=hang check "the job ends" wait_until 300 is_over "$job"
    failing=code check "the job is $(job_now "$job")" state_is "$job" "$1"
}

# starts N: the log has N starts, in order.
starts() {
    local have
    have=$(grep -aoE 'restart [0-9]+, nodes' s/run.log | tr -dc '0-9\n' | tr '\n' ' ')
    failing=wrong check "starts in the log: $have" test "$have" = "$(seq -s ' ' 0 $(($1 - 1))) "
}

as_whole() { # the run ended like the uninterrupted one
    same_rows whole s/run
    same_state whole s/run
    no_leftovers s/run
    failing=leftovers check "the file stop is left over" test ! -e s/run/stop
}

# row_ends "DESCRIPTION": ends a unit.
row_ends() {
    # shellcheck disable=SC2154
    [ "$failures" = 0 ] || tail -n 60 s/*.log
    case_is good "$1"
    slurm_end
    trap - EXIT
    rm -rf s
}
