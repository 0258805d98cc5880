# How a batch job handles signals and the end of its program; sourced by slurm/job.sh.
# docs/how-to/resume-and-requeue.md has the table of exit codes and actions.
# shellcheck shell=bash

# Signals that the job script has received: SIGUSR1 (the time limit is near); SIGTERM or SIGINT. Empty: none.
pwf_asked_usr1='' pwf_asked_term='' pwf_child=''

# On SIGTERM, mpirun kills its ranks one second later and srun ends its step. Both forward SIGUSR1, on which the
# program writes a checkpoint and stops. So every request to stop reaches the program as SIGUSR1.
pwf_relay_stop() {
    local signal=$1
    if [ "$signal" = USR1 ]; then pwf_asked_usr1=1; else pwf_asked_term=1; fi
    echo "SIG$signal for job $(pwf_job_id): asking the program to write a checkpoint and stop" >&2
    if [ -n "$pwf_child" ]; then kill -USR1 "$pwf_child" 2>/dev/null; fi
}

pwf_relay_save() {
    if [ -n "$pwf_child" ]; then kill -USR2 "$pwf_child" 2>/dev/null; fi
}

trap 'pwf_relay_stop USR1' USR1
trap 'pwf_relay_stop TERM' TERM
trap 'pwf_relay_stop INT' INT
trap pwf_relay_save USR2

# Runs the program, relays signals to it, and returns its exit code.
pwf_relay_run() {
    if [ -n "$pwf_asked_usr1$pwf_asked_term" ]; then return 75; fi
    "$@" &
    pwf_child=$!
    if [ -n "$pwf_asked_usr1$pwf_asked_term" ]; then kill -USR1 "$pwf_child" 2>/dev/null; fi
    # A trap interrupts `wait`, not the program.
    while kill -0 "$pwf_child" 2>/dev/null; do wait "$pwf_child"; done
    wait "$pwf_child"
}

# The job as scontrol names it. SLURM_JOB_ID alone is ambiguous: the last task of an array has that of the array.
pwf_job_id() {
    if [ -n "${SLURM_ARRAY_JOB_ID:-}" ]; then
        echo "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    else
        echo "${SLURM_JOB_ID:-none}"
    fi
}

# ---- what the program did: from its log and the run directory

# Notes the size of the log before the program starts, so that only its own lines are read; empty if stderr is
# not a file.
pwf_log_begin() {
    pwf_log=/proc/$BASHPID/fd/2 pwf_log_at=''
    if [ -f "$pwf_log" ] && [ -r "$pwf_log" ]; then pwf_log_at=$(stat -L -c %s "$pwf_log"); fi
}

# pwf_log_last PATTERN: the last match in the program's log lines.
pwf_log_last() {
    if [ -n "$pwf_log_at" ]; then tail -c "+$((pwf_log_at + 1))" "$pwf_log" | grep -aoE "$1" | tail -n 1; fi
}

# Identifies the newest checkpoint of a run directory by name, inode and time; it changes when a run progresses.
pwf_newest() {
    local newest
    newest=$(compgen -G "$1/ckpt-*.h5" | sort | tail -n 1)
    if [ -n "$newest" ]; then stat -c '%n:%i:%Y' "$newest" | tr ' ' '_'; else echo none; fi
}

# ---- counters that persist between the starts of one job: the file job.state in the run directory

# idle: consecutive requeued starts that made no step. The others count ends with a code of that kind since the
# last end with 75.
pwf_state_read() {
    local key value job=''
    pwf_idle=0 pwf_memory=0 pwf_io=0 pwf_hung=0 pwf_killed=0
    if [ ! -r "$1/job.state" ]; then return; fi
    while IFS='=' read -r key value; do
        case $key:$value in
        job:*) job=$value ;;
        *:*[!0-9]* | *:) ;;
        idle:*) pwf_idle=$value ;;
        memory:*) pwf_memory=$value ;;
        io:*) pwf_io=$value ;;
        hung:*) pwf_hung=$value ;;
        killed:*) pwf_killed=$value ;;
        esac
    done <"$1/job.state"
    # A newly submitted job starts at zero.
    if [ "$job" != "${SLURM_JOB_ID:-}" ]; then pwf_idle=0 pwf_memory=0 pwf_io=0 pwf_hung=0 pwf_killed=0; fi
}

pwf_state_write() {
    local part=$1/job.state.part
    printf '%s\n' "job=${SLURM_JOB_ID:-}" "idle=$pwf_idle" "memory=$pwf_memory" "io=$pwf_io" \
        "hung=$pwf_hung" "killed=$pwf_killed" >"$part" && mv -f "$part" "$1/job.state"
}

# ---- what to do about it

# Whether the job may requeue itself: not if it was cancelled, or if Slurm has already restarted it because it
# considered a node dead. Also sets pwf_preempted and pwf_excluded.
pwf_slurm_agrees() {
    local job state restarts reason
    pwf_preempted='' pwf_excluded=''
    job=$(scontrol show job --oneliner "$(pwf_job_id)" 2>/dev/null) || return 0 # scontrol requeue will report why
    state=$(sed -nE 's/.* JobState=([A-Z]+) .*/\1/p' <<<" $job")
    reason=$(sed -nE 's/.* Reason=([A-Za-z]+) .*/\1/p' <<<" $job")
    restarts=$(sed -nE 's/.* Restarts=([0-9]+) .*/\1/p' <<<" $job")
    pwf_preempted=$(sed -nE 's/.* PreemptTime=([0-9][^ ]*) .*/\1/p' <<<" $job ")
    pwf_excluded=$(sed -nE 's/.* ExcNodeList=([^( ][^ ]*) .*/\1/p' <<<" $job ")
    if [ "$state" != RUNNING ] && [ "$reason" != TimeLimit ]; then return 1; fi
    if [ "$reason" = TimeLimit ]; then pwf_asked_usr1=1 pwf_asked_term=''; fi
    [ "$restarts" = "${SLURM_RESTART_COUNT:-0}" ]
}

# pwf_why_again CODE REASON: updates the counters. Sets $pwf_why to the reason for a requeue, or if there is to be
# none, sets it to '' and $pwf_why_not to the reason for that.
pwf_why_again() {
    pwf_why='' pwf_why_not=''
    local code=$1 reason=$2
    # scancel ends the job for good. Preemption sends the same signal.
    if [ -n "$pwf_asked_term" ] && [ -z "$pwf_preempted" ]; then
        pwf_why_not="it was asked to end"
        return
    fi
    case $code in
    75)
        pwf_memory=0 pwf_io=0 pwf_hung=0 pwf_killed=0
        case ${pwf_asked_usr1:+asked}$pwf_preempted:$reason in
        *:stop_file | *:stop_after) pwf_why_not="it stopped as requested ($reason)";;
        *:usr1 | *:max_time) pwf_why="it stopped in time" ;;
        ?*:*) pwf_why="its time was up" ;;
        *) pwf_why_not="it stopped on a signal" ;;
        esac
        ;;
    71) if ((++pwf_memory <= 2)); then pwf_why="memory or descriptors were short"; fi ;;
    74) if ((++pwf_io <= 2)); then pwf_why="input or output failed"; fi ;;
    79) ((++pwf_hung)) && pwf_why="it hung" ;;
    1 | 12[89] | 1[3-9][0-9] | 2[0-9][0-9]) if ((++pwf_killed <= 3)); then pwf_why="it was killed"; fi ;;
    *) pwf_why_not="a restart does not cure code $code" ;;
    esac
    if [ -z "$pwf_why$pwf_why_not" ]; then pwf_why_not="this has happened too often"; fi
}

# Excludes the host that the watchdog named, if Slurm knows it by that name.
pwf_exclude_host() {
    local host
    host=$(pwf_log_last 'code=STUCK .*host=[^ ]+' | sed -E 's/.* host=([^ .]+).*/\1/')
    if [ -z "$host" ] || ! scontrol show hostnames "$SLURM_JOB_NODELIST" | grep -qx "$host"; then return; fi
    if scontrol update "JobId=$(pwf_job_id)" "ExcNodeList=${pwf_excluded:+$pwf_excluded,}$host"; then
        echo "excluding host $host from now on" >&2
    fi
}

pwf_requeue() {
    trap '' TERM USR1 # Slurm kills this script now; the job does not start before that
    if ! scontrol requeue "$(pwf_job_id)"; then
        echo "$pwf_why, but the job cannot be requeued: submit it again to resume" >&2
        return
    fi
    echo "job $(pwf_job_id) is requeued: $pwf_why" >&2
    if [ "$pwf_hung" -ge 2 ]; then pwf_exclude_host; fi
}

# pwf_after CODE DIRECTORY NEWEST: acts on the end of the program. NEWEST identifies the newest checkpoint before
# the program started. Sets $pwf_code to the program's own exit code if its log has one, else to CODE.
pwf_after() {
    local output=$2 before=$3 result said
    result=$(pwf_log_last 'result=[a-z]+ code=[0-9]+ steps=-?[0-9]+ reason=[a-z0-9_]+')
    said=$(sed -nE 's/.* code=([0-9]+) .*/\1/p' <<<"$result")
    pwf_code=$1
    # A launcher that received a signal itself may return 1, or 128 and more.
    if [ "$pwf_code" = 1 ] || [ "$pwf_code" -ge 128 ]; then pwf_code=${said:-$pwf_code}; fi
    # The signal came before launcher or program handled it: nothing was done and nothing is lost.
    case $pwf_asked_usr1$said:$pwf_code in 1:1 | 1:12[89] | 1:1[3-9]? | 1:2??) pwf_code=75 ;; esac
    if [ "$pwf_code" = 0 ]; then return; fi
    if [ -z "${SLURM_JOB_ID:-}" ]; then
        if [ "$pwf_code" = 75 ]; then echo "stopped in time; start it again to resume" >&2; fi
        return
    fi
    if ! pwf_slurm_agrees; then return; fi
    pwf_state_read "$output"
    pwf_why_again "$pwf_code" "${result##*reason=}"
    if [ -n "$pwf_why" ]; then
        if [ "$(pwf_newest "$output")" = "$before" ]; then ((++pwf_idle)); else pwf_idle=0; fi
        if [ "$pwf_idle" -ge 2 ]; then
            pwf_why='' pwf_why_not="two starts in a row made no step"
        elif [ "${SLURM_RESTART_COUNT:-0}" -ge "${PWF_RESTARTS:-100}" ]; then
            pwf_why='' pwf_why_not="it was started again ${SLURM_RESTART_COUNT} times (PWF_RESTARTS)"
        fi
    fi
    if [ -d "$output" ]; then pwf_state_write "$output"; fi
    if [ -n "$pwf_why" ]; then pwf_requeue; return; fi
    echo "job $(pwf_job_id) ended with $pwf_code and is not requeued: $pwf_why_not;" \
        "see docs/reference/exit-codes.md; submit the job again to resume" >&2
}

# ---- leftovers of killed jobs on a node

# pwf_clean_node [DIRECTORY]: removes Open MPI's shared-memory files of this user that no process has mapped.
pwf_clean_node() {
    local file
    find "${1:-/dev/shm}" -maxdepth 1 -name "vader_segment.*.$UID.*" -user "$UID" -mmin +1 2>/dev/null |
        while read -r file; do
            if ! grep -qsF "$file" /proc/[0-9]*/maps; then rm -f "$file"; fi
        done
}

# Does so on all nodes of the job, after a start that may have been killed.
pwf_clean_nodes() {
    if [ "${SLURM_RESTART_COUNT:-0}" = 0 ]; then return; fi
    timeout 60 srun --overlap --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpus-per-task=1 \
        bash -c "$(declare -f pwf_clean_node); pwf_clean_node" </dev/null ||
        echo "cannot clean the nodes; continuing" >&2
}
