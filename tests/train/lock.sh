#!/usr/bin/env bash
# One owner of a run directory: a second job is refused with the holder's name and harms nothing; the
# lock of a job that is gone is taken over. With ON as first argument (fault points are compiled in) the
# same where flock does not work.
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
faults=${1:-OFF}
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
# It ends when it is asked to, and what another job looks at stays.
long=(-c "$tiny" --set train.baseline_epochs=1000 --set checkpoint.every=50 --set checkpoint.keep=100000)
short=(-c "$tiny" --set checkpoint.stop_after=1)

begin() { # begin RUN: starts a long run; when this returns it trains, and $pid is the process of rank 0
    start "$1" code=CKPT "${long[@]}" --resume auto
    pid=$(sed -n 's/.* process=\([0-9]*\) .*/\1/p' "$1/.pwf.lock" 2>/dev/null || true)
    check "$1: the lock says who has it" test -n "$pid"
}

end() { # end RUN: asks it to stop
    code=0
    touch "$1/stop"
    wait "$group" || code=$?
    expect 75 "$1: goes on until it is asked to stop"
    check "$1: the lock is given back" test ! -e "$1/.pwf.lock"
}

two_jobs() { # two_jobs RUN: $1 is a new directory
    local run=$1
    begin "$run"
    dist 1 "$run.second.log" "${long[@]}" --output "$run" --resume auto
    expect 73 "$run: a second job"
    says "$run.second.log" "in use by a run on $(hostname), process $pid, since 20"
    dist 1 "$run.fresh.log" "${short[@]}" --output "$run"
    expect 73 "$run: a second job that begins anew"
    says "$run.fresh.log" "process $pid"
    dist 1 "$run.look.log" --output "$run" --resume auto --check
    expect 0 "$run: looking is free"
    end "$run"
    check "$run: nothing but the files of a run" test -z "$(find "$run" -name '.*')"

    begin "$run"
    kill -9 "$pid"
    wait "$group" 2>/dev/null || true
    check "$run: what a killed job leaves" test -e "$run/.pwf.lock"
    dist 2 "$run.after.log" "${long[@]}" --output "$run" --resume auto --set checkpoint.stop_after=1
    expect 75 "$run: after a kill"
    says "$run.after.log" "left behind by a run on $(hostname), process $pid"
    check "$run: nothing but the files of a run" test -z "$(find "$run" -name '.*')"
}

# The same Slurm job, started again while its earlier start lives on, on a node that Slurm lost sight of.
earlier() { # earlier RUN: a new directory
    local run=$1
    SLURM_JOB_ID=882 begin "$run"
    SLURM_JOB_ID=882 SLURM_RESTART_COUNT=1 dist 1 "$run.later.log" "${long[@]}" --output "$run" --resume auto \
        --set checkpoint.stop_after=1
    expect 75 "$run: the later start"
    says "$run.later.log" "asked to stop, and waited for"
    code=0
    wait "$group" || code=$?
    expect 75 "$run: the earlier start"
    says "$run.log" reason=stop_file
    check "$run: it goes on from there" test "$(sed -n 's/.*stopped at step \([0-9]*\).*/\1/p' "$run.log")" = \
        "$(sed -n 's/.*going on from .*: step \([0-9]*\),.*/\1/p' "$run.later.log")"
    check "$run: nothing but the files of a run" test -z "$(find "$run" -name '.*' -o -name stop)"
}

two_jobs run
earlier again

# Exactly one of two that begin at the same time.
for i in 1 2 3; do
    codes=
    for side in a b; do
        (dist 1 "race$i$side.log" "${short[@]}" --output "race$i" && echo "$code" >"race$i$side.code") &
    done
    wait
    codes=$(sort -n "race${i}a.code" "race${i}b.code" | tr '\n' ' ')
    check "race $i: codes $codes" test "$codes" = "73 75 "
done

# What somebody else put in the place of the lock is not written to.
mkdir planted
echo precious >precious
ln -s ../precious planted/.pwf.lock
dist 1 planted.log "${short[@]}" --output planted; expect 77 "a link for a lock"
rm planted/.pwf.lock
ln precious planted/.pwf.lock
dist 1 planted2.log "${short[@]}" --output planted; expect 77 "a second name for a lock"
check "not written to" test "$(cat precious)" = precious
mkdir -m 777 open
dist 1 open.log "${short[@]}" --output open; expect 77 "a directory that everybody can write to"
dist 1 bad.log "${short[@]}" --output bad/bad --set data.path=nowhere; expect 66 "a run that cannot begin"
check "nothing is left of it" test ! -e bad/bad

if [ "$faults" = ON ]; then
    export PWF_TEST_FAULT=lock.flock:0:1:eio
    two_jobs plain
    says plain.log "no locks between hosts"
    earlier later
    other="pwf-lock job=881 restart=0 host=elsewhere boot=1-2 process=1 start=2026-01-02T03:04:05.678Z"
    mkdir far
    echo "$other" >far/.pwf.lock
    dist 1 far.log "${short[@]}" --output far; expect 73 "a job on another host"
    says far.log "in use by job 881 on elsewhere, process 1, since 2026-01-02T03:04:05.678Z"
    touch -d '6 minutes ago' far/.pwf.lock
    dist 1 far2.log "${short[@]}" --output far; expect 75 "a job on another host that gives no sign of life"
    says far2.log "taken over"
    mkdir restart
    echo "$other" >restart/.pwf.lock
    touch -d '2 minutes ago' restart/.pwf.lock
    SLURM_JOB_ID=881 SLURM_RESTART_COUNT=1 dist 1 restart.log "${short[@]}" --output restart
    expect 75 "the same job, started again on another host"
fi
finish
