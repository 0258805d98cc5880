#!/usr/bin/env bash
# A stopped and resumed run ends with the same bits as an uninterrupted one: with another optimiser, from
# an older checkpoint, and when it had finished. The fault rows E1 and E2 cover the rest.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml

dist 1 whole.log -c "$tiny" --output whole
expect 0 "uninterrupted"

# The moments of an optimiser are part of the state.
for name in adamw lion; do
    dist 1 $name.log -c "$tiny" --output $name --set optim.name=$name --set optim.lr=0.0002
    expect 0 "$name uninterrupted"
    dist 2 ${name}2.log -c "$tiny" --output ${name}2 --set optim.name=$name --set optim.lr=0.0002 \
        --set parallel.shards=2 --set checkpoint.stop_after=10
    expect 75 "$name stopped"
    dist 3 ${name}3.log --output ${name}2 --resume --set checkpoint.stop_after=0 --set parallel.shards=1
    expect 0 "$name resumed"
    same_rows $name ${name}2
    same_state $name ${name}2
done

# From an older checkpoint, and then from the newest again: the metrics lack rows, the state is complete.
dist 1 back0.log -c "$tiny" --output back --set checkpoint.every=2 --set checkpoint.stop_after=9
dist 1 back1.log --resume back/ckpt-0000000006.h5 --set checkpoint.stop_after=1
expect 75 "back to an older checkpoint"
dist 1 back2.log --resume --output back --set checkpoint.stop_after=0
expect 0 "on from the newest"
says back2.log "code=ROWS"
same_state whole back

cp -r whole again
dist 1 again.log --resume --output again
expect 0 "a finished run resumed"
same_rows whole again
finish
