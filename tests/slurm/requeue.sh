#!/usr/bin/env bash
# slurm/requeue.sh with every way in which a program can end, and with signals. The program and scontrol are
# scripts that print what the test asks for.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
set +e
rm -rf ./*
mkdir bin run
cat >bin/scontrol <<'END'
#!/usr/bin/env bash
echo "$*" >>scontrol.log
case $1 in
requeue) exit "${FAKE_REFUSED:-0}" ;;
show)
    case $2 in
    hostnames) printf '%s\n' n11 n12 ;;
    *) echo "JobId=7 JobName=x UserId=me(1) JobState=${FAKE_STATE:-RUNNING} Reason=${FAKE_REASON:-None} Dependency=(null)" \
        "Requeue=1 Restarts=${FAKE_RESTARTS:-${SLURM_RESTART_COUNT:-0}} BatchFlag=1 ExitCode=0:0" \
        "PreemptTime=${FAKE_PREEMPT:-None} ExcNodeList=${FAKE_EXCLUDED:-(null)} NodeList=n[11-12]" ;;
    esac ;;
esac
END
# program CODE STEPS WORDS...: prints WORDS and ends with CODE; writes a checkpoint of STEPS unless `none`.
cat >bin/program <<'END'
#!/usr/bin/env bash
code=$1 steps=$2
shift 2
trap 'echo "the program got USR1"; sleep 0.3; echo "the program has saved"; exit 75' USR1
trap 'echo "the program got USR2"' USR2
if [ "$steps" != none ]; then echo "$RANDOM" >"run/ckpt-$steps.h5"; fi
for word; do
    if [ "$word" = wait ]; then
        touch ready
        for ((t = 0; t < 1000; t++)); do sleep 0.01; done
    else
        echo "$word" >&2
    fi
done
exit "$code"
END
cat >job.sh <<'END'
source "$PWF_SOURCE_DIR/slurm/requeue.sh"
before=$(pwf_newest run)
pwf_log_begin
pwf_relay_run bin/program "$@"
pwf_after $? run "$before"
exit "$pwf_code"
END
chmod +x bin/*
PATH=$PWD/bin:$PATH
export SLURM_JOB_ID=7 SLURM_JOB_NODELIST='n[11-12]'
unset SLURM_RESTART_COUNT

begin() { rm -rf run scontrol.log log; mkdir run; count=0; }
job() { # job CODE STEPS WORDS...: one start of the job; its restart count is $count
    : >scontrol.log
    if [ "$count" != 0 ]; then export SLURM_RESTART_COUNT=$count; else unset SLURM_RESTART_COUNT; fi
    bash job.sh "$@" >>log 2>&1
    code=$?
    count=$((count + 1))
}
again() { check "$1: requeued; $(tail -n 1 log)" test "$(grep -c '^requeue 7$' scontrol.log)" = 1; }
not_again() { # not_again WHAT [WHY]
    check "$1: not requeued; $(tail -n 1 log)" test "$(grep -c '^requeue' scontrol.log)" = 0
    if [ -n "${2:-}" ]; then says log "$2"; fi
}
stopped() { echo "result=stopped code=75 steps=6 reason=$1 last_ckpt=x"; }

begin; job 0 1 "result=finished code=0 steps=9 reason=none last_ckpt=x"
expect 0 "a run that ends"; not_again "a run that ends"
for reason in usr1 max_time; do begin; job 75 1 "$(stopped $reason)"; expect 75 $reason; again $reason; done
for reason in stop_file stop_after term int; do begin; job 75 1 "$(stopped $reason)"; not_again $reason "is not requeued: it stopped"; done
for bad in 64 65 66 69 70 73 76 77 78; do begin; job $bad 1; expect $bad $bad; not_again $bad "a restart does not cure"; done

# A launcher that handled the signal too, and one that died of it at once.
begin; job 138 1 "$(stopped usr1)"; expect 75 "a launcher that answers 138"; again "a launcher that answers 138"
begin; job 1 1 "$(stopped usr1)"; expect 75 "a launcher that answers 1"; again "a launcher that answers 1"

# The limit of retries; a stop in time resets the count.
for many in 71:2 74:2 1:3 137:3 205:3; do
    begin
    for ((i = 1; i <= ${many#*:}; i++)); do job ${many%:*} $i; again "$many, time $i"; done
    job ${many%:*} 8; not_again "$many, once more" "too often"
done
begin; job 74 1; job 74 2; job 75 3 "$(stopped usr1)"; job 74 4; again "74 after a stop in time"
SLURM_JOB_ID=8 job 74 5; check "a new job resets the counts" grep -qx io=1 run/job.state

# The host that the watchdog names is excluded the second time.
hung=' level=error code=STUCK rank=3 host=n12 job=7 msg="hung"'
begin; job 79 1 "$hung"; again "79"; check "the host is not excluded yet" test "$(grep -c update scontrol.log)" = 0
FAKE_EXCLUDED=n3 job 79 2 "$hung"; again "79 again"
check "the host is excluded: $(cat scontrol.log)" grep -qx 'update JobId=7 ExcNodeList=n3,n12' scontrol.log
begin; job 79 1; job 79 2 "${hung/n12/other}"; check "a host Slurm does not know" test "$(grep -c update scontrol.log)" = 0

# Without progress twice in a row, or at the limit of restarts, the job is not requeued.
begin; job 75 1 "$(stopped usr1)"; job 75 none "$(stopped usr1)"; again "one start without a step"
job 75 none "$(stopped usr1)"; not_again "two starts without a step" "two starts in a row made no step"
begin; job 75 1 "$(stopped usr1)"; job 75 none "$(stopped usr1)"; job 75 2 "$(stopped usr1)"; job 75 none "$(stopped usr1)"
again "a step between two starts without one"
begin; count=99; job 75 1 "$(stopped usr1)"; again "the 99th restart"
job 75 2 "$(stopped usr1)"; not_again "the 100th restart" "100 times"
begin; count=3; PWF_RESTARTS=3 job 75 1 "$(stopped usr1)"; not_again "PWF_RESTARTS" "3 times"

# Slurm or the user has already decided.
begin; FAKE_STATE=COMPLETING job 75 1 "$(stopped usr1)"; not_again "a cancelled job"
begin; count=1; FAKE_RESTARTS=2 job 137 1; not_again "a start that Slurm has given up"
check "and its counts stay" test ! -e run/job.state
begin; FAKE_STATE=COMPLETING FAKE_REASON=TimeLimit job 75 1 "$(stopped term)"; again "late, but in time"
says log "its time was up"
begin; FAKE_REFUSED=1 job 75 1 "$(stopped usr1)"; expect 75 "no requeue allowed"; says log "submit it again"

# One task of an array, not the whole array.
begin; SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=3 job 75 1 "$(stopped usr1)"
check "a task: $(cat scontrol.log)" test "$(grep -v show scontrol.log)" = "requeue 7_3"
check "the task is queried: $(cat scontrol.log)" grep -q 'show job --oneliner 7_3' scontrol.log

# Signals to the script.
signal() { # signal NAME...: one start of the job, which gets these signals
    local script name
    rm -f ready
    : >scontrol.log
    bash job.sh 0 1 wait >>log 2>&1 &
    script=$!
    until [ -e ready ]; do sleep 0.01; done
    for name; do kill -"$name" $script; sleep 0.1; done
    wait $script
    code=$?
}
begin; signal USR1; expect 75 "USR1"; says log "the program has saved"; again "USR1"
begin; signal USR2 USR1; says log "the program got USR2"; expect 75 "USR2 and USR1"; says log "the program has saved"
begin; signal TERM; expect 75 "TERM"; says log "the program got USR1"; not_again "TERM" "asked to end"
begin; FAKE_PREEMPT=2026-01-02T03:04:05 signal TERM; again "TERM that announces a preemption"
begin; unset SLURM_JOB_ID; signal USR1; expect 75 "no Slurm"; not_again "no Slurm" "start it again"

# Shared memory that no process has mapped is removed; mapped, new and other users' files stay.
mkdir shm
for name in "host.$UID.gone" "host.$UID.new" host.4711.other; do head -c 4096 /dev/zero >"shm/vader_segment.$name"; done
cp "$(command -v sleep)" "shm/vader_segment.host.$UID.mapped"
touch -d "2 minutes ago" shm/*.gone shm/*.mapped shm/*.other
"shm/vader_segment.host.$UID.mapped" 60 & # a running program is mapped
mapping=$!
until grep -qs mapped /proc/$mapping/maps || ! kill -0 $mapping; do sleep 0.02; done
bash -c 'source "$PWF_SOURCE_DIR/slurm/requeue.sh"; pwf_clean_node shm'
kill $mapping
check "left over in shm: $(ls shm)" test "$(find shm -type f -name '*.*.*' | sed 's/.*\.//' | sort | tr '\n' ' ')" = "mapped new other "
finish
