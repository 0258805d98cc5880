# The lock of a job that no longer runs.
# shellcheck shell=bash disable=SC2034,SC2154
title="a stale lock: kill -9, reboot, reused process number"
units="5 50 100"

short=(-c "$PWF_SOURCE_DIR/tests/train/tiny.yaml" --set checkpoint.stop_after=1)
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo none)

taken() { # taken RUN: the next job takes the lock and says so
    dist 1 "$1.log" "${short[@]}" --output "$1" --resume auto
    expect 75 "the next job"
    says "$1.log" "was left behind by"
    no_leftovers "$1"
}

planted() { # planted RUN HOST BOOT PROCESS [JOB]: writes the lock that such a job would leave
    mkdir "$1"
    echo "pwf-lock job=${5:-none} restart=0 host=$2 boot=$3 process=$4 start=2026-01-02T03:04:05.678Z" >"$1/.pwf.lock"
}

# A job is killed while it holds the lock. Two jobs start at once: one wins.
killed() {
    local run=$1 pid side codes waiting=()
    PWF_TEST_FAULT=${PWF_TEST_FAULT:-train.step:9:1:list} launch "$run.log" 1 "$PWF_BIN_DIR/pwf_dist" "${short[@]}" \
        --output "$run" --set checkpoint.stop_after=0 --set train.baseline_epochs=1000 --set checkpoint.every=50
    await "$run" code=CKPT
    pid=$(sed -n 's/.* process=\([0-9]*\) .*/\1/p' "$run/.pwf.lock")
    kill -9 "$pid"
    end_job "$run"
    expect 137 "killed"
    check "the lock of a killed job" test -e "$run/.pwf.lock"
    for side in a b; do
        (dist 1 "$run$side.log" --output "$run" --resume auto --set checkpoint.stop_after=1 &&
            echo "$code" >"$run$side.code") &
        waiting+=($!)
    done
    wait "${waiting[@]}"
    codes=$(sort -n "${run}a.code" "${run}b.code" | tr '\n' ' ')
    # The second job may start after the first has ended.
    case $codes in "73 75 " | "75 75 ") ;; *) failing=code check "codes $codes of the two jobs" false ;; esac
    failing=silent check "a message about the stale lock" \
        test "$(cat "$run"[ab].log | grep -c "left behind by a run on $(hostname), process $pid")" = 1
    no_leftovers "$run"
    case_is good "$2, kill -9, then two jobs: codes $codes"
}

unit() {
    local run=stale$1
    # shellcheck disable=SC2209
    (($1 % 2 == 1)) || export PWF_TEST_FAULT=lock.flock:0:1:eio:1000
    local how
    how=$([ -v PWF_TEST_FAULT ] && echo "no flock" || echo flock)
    case $(($1 % 10)) in
    1 | 2 | 7 | 8) killed "$run" "$how" ;;
    3 | 4)
        planted "$run" "$(hostname)" 1-2-3 $$ # alive, but after a reboot
        taken "$run"
        case_is good "$how, the host was rebooted"
        ;;
    5 | 6)
        planted "$run" "$(hostname)" "$boot" $$ # alive, but another program
        if [ "$how" = "no flock" ]; then
            dist 1 "$run.log" "${short[@]}" --output "$run"
            expect 73 "the holder cannot be identified"
            says "$run.log" "wait five minutes"
            touch -d '6 minutes ago' "$run/.pwf.lock"
        fi
        taken "$run"
        case_is good "$how, its process number was reused"
        ;;
    9 | 0)
        planted "$run" elsewhere 1-2 1 881
        if [ "$how" = flock ]; then
            taken "$run"
        elif ((RANDOM % 2 == 0)); then
            touch -d '6 minutes ago' "$run/.pwf.lock"
            taken "$run"
        else
            touch -d '2 minutes ago' "$run/.pwf.lock"
            SLURM_JOB_ID=881 SLURM_RESTART_COUNT=1 taken "$run"
        fi
        case_is good "$how, the job of another host has ended or was restarted"
        ;;
    esac
    rm -rf "$run"*
}
