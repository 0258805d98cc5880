#!/usr/bin/env bash
# Values that become NaN on one rank: all ranks see them in the same step and none is saved. Once: the
# step is done again and the run ends with the bits of one without. Again and again: passed over, rolled
# back, and 76 in the end.
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
settings=(-c "$PWF_SOURCE_DIR/tests/train/tiny.yaml" --set checkpoint.every=4)
dist 1 whole.log "${settings[@]}" --output whole
expect 0 "without a fault"

bad() { # bad RANKS RUN POINT:RANK:COUNT:ACTION CODE
    PWF_TEST_FAULT=$3 dist "$1" "$2.log" "${settings[@]}" --output "$2" --set "parallel.shards=$1"
    expect "$4" "$2"
    check "$2: the fault fired" grep -q "^fault nan" "$2.log"
}
times() { # times RUN CODE COUNT
    check "$1: not $3 times $2" test "$(grep -c "code=$2 " "$1.log")" = "$3"
}

for case in weights:1:11 gradient:0:11 statistics:1:55 norm:0:3; do
    run=${case%%:*}
    bad 2 "$run" "train.$case:nan" 0
    check "$run: names rank and host" grep -q "code=NUMBERS_RERUN.*rank $(cut -d : -f 2 <<<"$case") on " "$run.log"
    same_rows whole "$run"
    same_state whole "$run"
done

# The rerun fails too: passed over, and alike on any mesh.
bad 1 skip1 train.weights:0:11:nan2 0
bad 2 skip2 train.weights:0:11:nan2 0
times skip2 NUMBERS_SKIPPED 1
times skip2 ROLLBACK 0
same_rows skip1 skip2
same_state skip1 skip2
check "a step passed over makes a difference" test "$(h5diff --exclude-path /run whole/model.h5 skip1/model.h5 | wc -l)" != 0

# Once in the state itself, which stays so: back to the checkpoint.
bad 2 state train.mu:1:6:nan 0
times state NUMBERS_SKIPPED 3
times state ROLLBACK 1

# Before a save: refused.
bad 2 save train.save:0:4:nan 0
times save ROLLBACK 1

# For ever: two rollbacks, 76, and the run without the fault goes on as if nothing had been.
bad 2 ever train.norm:1:6:nan9999 76
times ever ROLLBACK 2
dist 1 ever.log "${settings[@]}" --output ever --resume auto --set parallel.shards=1
expect 0 "taken up without the fault"
same_rows whole ever
same_state whole ever
finish
