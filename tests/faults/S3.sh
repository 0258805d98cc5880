# Signals by scancel.
# shellcheck shell=bash disable=SC2034,SC2154
title="scancel --signal, and scancel"
units="0 all all"
source "$PWF_SOURCE_DIR/tests/slurm/lib.sh"

setup() {
    whole_run
    for launcher in mpirun srun; do
        printf "$launcher %s\n" "USR1 --batch" "USR1 --full" "USR1" "USR2 --batch" "TERM --batch"
    done >list.txt
    printf '%s\n' "srun TERM" "mpirun none" "srun none" >>list.txt
}

# A request to stop for good ends the job; when submitted again, the run resumes.
submitted_again() {
    grep -q "code=RESULT.*code=$1 " s/run.log || [ "$1" = any ] || check "no result with code $1" false
    failing=code check "not requeued: $(job_now "$job")" test "$(job_now "$job" | sed 's/.* //')" = 0
    submit run --nodes=2 -- "${settings[@]:2}"
    job_ends "COMPLETED 0 0"
}

unit() {
    local launcher signal how
    read -r launcher signal how <<<"$2"
    held_job "$launcher" --nodes=2 --
    if [ "$signal" = none ]; then
        scancel "$job"
        let_go run
        failing=hang check "the job ends" wait_until 120 is_over "$job"
        submitted_again any
    else
        scancel --signal="$signal" ${how:+"$how"} "$job"
        wait_until 60 has_signal run || check "the signal reaches a rank" false
        let_go run
        case $signal in
        USR1) job_ends "COMPLETED 0 1" && starts 2 ;;
        USR2) job_ends "COMPLETED 0 0" && starts 1 ;;
        TERM)
            failing=hang check "the job ends" wait_until 120 is_over "$job"
            submitted_again 75
            ;;
        esac
    fi
    as_whole
    row_ends "$launcher: scancel${how:+ $how} $signal at step $step"
}
