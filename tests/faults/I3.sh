# Two jobs use one run directory.
# shellcheck shell=bash disable=SC2034,SC2154
title="a second job on a run directory; races for it"
units="8 60 130"

# One rank each, because rank 0 holds the lock. The first job ends when asked to.
long=(-c "$PWF_SOURCE_DIR/tests/train/tiny.yaml" --set train.baseline_epochs=1000 --set checkpoint.every=50
    --set checkpoint.keep=100000)
plain=lock.flock:0:1:eio:1000 # a file system without flock
short=(-c "$PWF_SOURCE_DIR/tests/train/tiny.yaml" --set checkpoint.stop_after=1)

own() { # own RUN: starts a long run and returns when it trains; $pid is the process of rank 0
    launch "$1.log" 2 "$PWF_BIN_DIR/pwf_dist" "${long[@]}" --output "$1" --resume auto
    await "$1" code=CKPT
    pid=$(sed -n 's/.* process=\([0-9]*\) .*/\1/p' "$1/.pwf.lock" 2>/dev/null || true)
    check "$1: the lock says who has it" test -n "$pid"
}

second() { # second TEXT OPTIONS...: a second job is refused with TEXT, after $took ms
    local text=$1
    shift
    sent=$(date +%s%N)
    dist 1 second.log "$@"
    took=$((($(date +%s%N) - sent) / 1000000))
    expect 73 "a second job"
    says second.log "$text"
    # It is refused at once; the limit tells that from waiting, which takes minutes.
    failing=hang check "refused after $took ms" test $took -lt 150000
}

two() { # two RUN WHAT: the first job continues undisturbed
    local run=$1 before after
    own "$run"
    second "in use by a run on $(hostname), process $pid, since 20" "${long[@]}" --output "$run" --resume auto
    case_is refused "$2: a second job that would resume, after $took ms"
    second "process $pid" "${short[@]}" --output "$run"
    case_is refused "$2: a second job that would start afresh, after $took ms"
    dist 1 second.log --output "$run" --resume auto --check
    expect 0 "--check needs no lock"
    touch "$run/stop"
    end_job "$run"
    expect 75 "the first job runs until asked to stop"
    no_leftovers "$run"
    "$PWF_BIN_DIR/pwf" verify "$run" >verify.log 2>&1 || failing=wrong check "files of the first job" false
    case_is good "$2: the first job was not disturbed, and --check needs no lock"
}

race() { # race RUN WHAT
    local run=$1 side codes waiting=()
    for side in a b; do
        (dist 1 "$run$side.log" "${short[@]}" --output "$run" && echo "$code" >"$run$side.code") &
        waiting+=($!)
    done
    wait "${waiting[@]}"
    codes=$(sort -n "${run}a.code" "${run}b.code" | tr '\n' ' ')
    failing=code check "race: codes $codes" test "$codes" = "73 75 "
    no_leftovers "$run"
    failing=wrong check "files of the winner" "$PWF_BIN_DIR/pwf" verify "$run"
    case_is good "$2: of two jobs that start together one wins"
}

elsewhere() { # the holder is on another host, so its process cannot be checked
    local run=$1 line="pwf-lock job=881 restart=0 host=elsewhere boot=1-2 process=1 start=2026-01-02T03:04:05.678Z"
    mkdir "$run"
    echo "$line" >"$run/.pwf.lock"
    PWF_TEST_FAULT=$plain second "in use by job 881 on elsewhere, process 1, since 2026-01-02T03:04:05.678Z" \
        "${short[@]}" --output "$run"
    check "the lock of another job was changed" test "$(cat "$run/.pwf.lock")" = "$line"
    case_is refused "a job on another host, after $took ms"
    # The same with flock, under another host name.
    own "$run.f"
    around host:elsewhere second "process $pid" "${short[@]}" --output "$run.f"
    touch "$run.f/stop"
    end_job "$run.f"
    expect 75 "the first"
    case_is refused "a second job from another host, after $took ms"
}

# One name in two directories means two runs.
apart() {
    local side waiting=()
    for side in a b; do
        mkdir "$1$side"
        (dist 1 "$1$side.log" "${short[@]}" --output "$1$side/run" && echo "$code" >"$1$side.code") &
        waiting+=($!)
    done
    wait "${waiting[@]}"
    failing=code check "codes" test "$(cat "$1a.code" "$1b.code" | tr '\n' ' ')" = "75 75 "
    case_is good "one name in two directories means two runs"
}

# A Slurm job is restarted while its earlier start still runs on a node that Slurm has lost.
earlier() { # earlier RUN WHAT
    local later=("${long[@]}" --output "$1" --resume auto --set checkpoint.stop_after=1)
    SLURM_JOB_ID=882 own "$1"
    SLURM_JOB_ID=882 SLURM_RESTART_COUNT=1 dist 1 "$1.later.log" "${later[@]}"
    expect 75 "the later start"
    says "$1.later.log" "asked to stop; waiting for it"
    end_job "$1"
    expect 75 "the earlier start"
    says "$1.log" reason=stop_file
    check "it resumes from there" test "$(sed -n 's/.*stopped at step \([0-9]*\).*/\1/p' "$1.log")" = \
        "$(resumed "$1.later.log")"
    no_leftovers "$1"
    failing=leftovers check "the file stop" test ! -e "$1/stop"
    case_is good "$2: an earlier start of the same job is asked to stop, and the later one waits"
}

unit() {
    local run=two$1
    case $1 in
    1) two "$run" "flock" ;;
    2) export PWF_TEST_FAULT=$plain && two "$run" "no flock" ;;
    3) elsewhere "$run" ;;
    4) apart "$run" ;;
    5) earlier "$run" "flock" ;;
    6) export PWF_TEST_FAULT=$plain && earlier "$run" "no flock" ;;
    *)
        if (($1 % 2 == 1)); then race "$run" "flock"; else export PWF_TEST_FAULT=$plain && race "$run" "no flock"; fi
        ;;
    esac
    rm -rf "$run"*
}
