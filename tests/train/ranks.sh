#!/usr/bin/env bash
# Ranks that part company: a bit of what several hold in common turned on one of them is found, and the
# rank named, before anything is saved. A rank that is slower than the others is named.
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
settings=(-c "$PWF_SOURCE_DIR/tests/train/tiny.yaml" --set checkpoint.every=4)
dist 1 whole.log "${settings[@]}" --output whole
expect 0 "without a fault"

# flip RANKS SHARDS RUN POINT:RANK:COUNT INTERVAL STEP "what it says"
flip() {
    PWF_TEST_FAULT=$4:flip dist "$1" "$3.log" "${settings[@]}" --output "$3" --set "parallel.shards=$2" \
        --set "watchdog.interval=$5"
    expect 76 "$3"
    check "$3: the fault fired" grep -q "^fault flip" "$3.log"
    says "$3.log" "$7"
    says "$3.log" "at step $6: its memory"
    check "$3: tried again" test -z "$(grep code=ROLLBACK "$3.log")"
    dist 1 "$3.log" "${settings[@]}" --output "$3" --resume auto --set parallel.shards=1
    expect 0 "$3: taken up without the fault"
    same_rows whole "$3"
    same_state whole "$3"
}
flip 3 1 shard train.mu:0:6 3 6 "rank 0 on "
flip 4 2 replica train.mu:3:6 0 8 "rank 3 on "
flip 2 2 common train.save:1:3 0 8 "rank 1 on "

PWF_TEST_FAULT=train.slots:1:1:slow999 dist 3 slow.log "${settings[@]}" --output slow --set watchdog.interval=2
expect 0 "a slow rank"
check "the slow rank is named" grep -q "code=STRAGGLER rank=1 " slow.log
same_state whole slow
finish
