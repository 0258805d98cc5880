#!/usr/bin/env bash
# Requests to save and to stop, in every station and at random times: the run stops with 75 on all ranks
# at one step, and taken up again on another mesh it ends with the bits of an uninterrupted one.
# Usage: signal.sh [SEED [SIGNALS AT RANDOM TIMES [ON: fault points are compiled in]]]
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
seed=${1:-1} signals=${2:-6} faults=${3:-OFF}
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
settings=(-c "$tiny" --set fixing.first_epochs=1 --set fixing.epochs=1)
RANDOM=$seed

begun=$(date +%s%N)
dist 2 whole.log "${settings[@]}" --output whole
expect 0 "uninterrupted"
length=$((($(date +%s%N) - begun) / 1000000))

leftovers() { check "$1: leftovers" test -z "$(find "$1" -name '.*' -o -name stop)"; }

# take_up RUN: resumes until the run is finished, and holds it against the whole one.
take_up() {
    local run=$1 shards lives=0
    while [ "$code" != 0 ] && [ $lives -lt 3 ]; do
        lives=$((lives + 1)) shards=$((RANDOM % 2 + 1))
        dist $((shards * (RANDOM % 2 + 1))) "$run.more.log" "${settings[@]}" --output "$run" --resume auto \
            --set parallel.shards=$shards
    done
    expect 0 "$run: resumed"
    same_rows whole "$run"
    same_state whole "$run"
    leftovers "$run"
}

# ---- to one rank, in every station
if [ "$faults" = ON ]; then
    while read -r action point rank count; do
        run=$point.$action was=$failures
        PWF_TEST_FAULT=$point:$rank:$count:$action dist 2 "$run.log" "${settings[@]}" --output "$run"
        check "$run: the signal was not sent" grep -q "^fault $action at $point" "$run.log"
        if [ "$action" = usr2 ]; then
            expect 0 "$run: saved and gone on"
        else
            expect 75 "$run: stopped"
            says "$run.log" "on SIG${action^^}"
            check "$run: a checkpoint of where it stopped" test -n "$(newest "$run")"
        fi
        take_up "$run"
        echo "$action at $point, rank $rank, time $count: $([ $failures = $was ] && echo good || echo BAD)"
    done <<'END'
usr1 train.begin 1 1
term train.step 0 3
usr2 train.step 1 7
usr1 train.fix 0 2
term train.evaluate 0 2
usr2 train.evaluate 0 2
usr1 train.end 1 1
usr1 ckpt.before_rename 1 1
END
fi

# ---- by a file, and by the clock: before the first step
mkdir file
touch file/stop
dist 2 file.log "${settings[@]}" --output file
expect 75 "a file to stop"
says file.log "stopped at step 0 as the file"
check "the file is gone" test ! -e file/stop
take_up file
dist 2 time.log "${settings[@]}" --output time --set checkpoint.max_time=1e-5
expect 75 "no time"
says time.log "checkpoint.max_time"
dist 2 time.log "${settings[@]}" --output time --resume auto --set checkpoint.max_time=1e5
expect 0 "plenty of time"
same_state whole time

# ---- at random times, as a person, mpirun and srun send them
begin() { # begin RUN: starts it; $group, $launcher and rank[] are its processes
    start "$1" code=MODEL "${settings[@]}"
    launcher=$(pgrep -P $group || true)
    mapfile -t rank < <([ -z "$launcher" ] || pgrep -P "$launcher")
}

# The launcher gets one: an mpirun that is already ending dies of another.
storm() { # storm LAUNCHER RANKS: what may come before a job ends
    kill -USR1 "$1" 2>/dev/null || true
    shift
    for ((t = 0; t < 10; t++)); do
        kill -USR1 "$@" 2>/dev/null || true
        kill -USR2 "$@" 2>/dev/null || true
        [ $t -gt 4 ] || kill -TERM "$@" 2>/dev/null || true
        sleep 0.03
    done
}

kinds=(usr1 usr2 term ranks one storm)
for ((i = 0; i < signals; i++)); do
    kind=${kinds[i % 6]} run=random$i was=$failures code=0
    wait=$((RANDOM % (length / 2)))
    begin $run
    sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
    if [ -n "$launcher" ] && [ ${#rank[@]} = 2 ]; then
        case $kind in
        usr1) kill -USR1 "$launcher" ;;
        usr2) kill -USR2 "$launcher" ;;
        term) kill -TERM "$launcher" ;;
        ranks) kill -TERM "${rank[@]}" ;;
        one) kill -USR1 "${rank[RANDOM % 2]}" ;;
        storm) storm "$launcher" "${rank[@]}" ;;
        esac 2>/dev/null || true
    fi
    wait $group 2>/dev/null || code=$?
    # An mpirun that is ending dies of a signal itself, when the job has already said how it ended.
    case $code in
    138 | 140) ended=$(sed -n 's/.*result=[a-z]* code=\([0-9]*\) .*/\1/p' $run.log) code=${ended:-$code} ;;
    esac
    case $kind:$code in # who gets SIGTERM from mpirun has a second; mpirun itself then answers 1
    *:0 | term:1 | term:75 | term:143 | [uros]*:75) ;;
    *) check "$run: code $code after $kind" false ;;
    esac
    check "$run: a save that was asked for is not the end" test "$kind:$code" != usr2:75
    was_code=$code
    take_up $run
    echo "seed $seed, signal $((i + 1)): $kind, $wait ms of $length, code $was_code: $([ $failures = $was ] && echo good || echo BAD)"
done
finish
