#!/usr/bin/env bash
# Ranks that hang or are stopped: the watchdog ends the job with one line that says who and where, and
# the run taken up again ends as one that was left alone.
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
settings=(-c "$tiny" --set checkpoint.every=4)
dist 2 whole.log "${settings[@]}" --output whole
expect 0 "uninterrupted"

# hang RUN POINT:RANK:COUNT:ACTION KEY PHASE RANK "what the line says"
hang() {
    local run=$1 fault=$2 key=$3 phase=$4 rank=$5
    PWF_TEST_FAULT=$fault dist 2 "$run.log" "${settings[@]}" --output "$run" --set "watchdog.$key=3"
    expect 79 "$run"
    check "$run: the line of rank $rank" grep -q "code=STUCK rank=$rank host=[^ ]* phase=$phase step=[0-9]* msg=" "$run.log"
    says "$run.log" "$6"
    says "$run.log" "the limit is watchdog.$key"
    dist 2 "$run.log" "${settings[@]}" --output "$run" --resume auto --set parallel.shards=2
    expect 0 "$run: taken up again"
    same_rows whole "$run"
    same_state whole "$run"
}
hang step train.step:1:11:hang step step 1 ", phase step, step 10: nothing done"
hang evaluate train.evaluate:0:2:stop evaluate evaluate 1 "rank 0, process "
hang checkpoint ckpt.before_rename:0:3:hang checkpoint checkpoint 0 "nothing done"
finish
