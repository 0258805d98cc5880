#!/usr/bin/env bash
# A stopped and resumed run ends with the same bits as an uninterrupted one, on other meshes too.
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml

dist 1 whole.log -c "$tiny" --output whole
expect 0 "uninterrupted"

dist 2 half.log -c "$tiny" --output half --set checkpoint.stop_after=10
expect 75 "stopped after 10 steps"
dist 3 half2.log --resume "$(newest half)" --set parallel.shards=3 --set checkpoint.stop_after=0
expect 0 "resumed on another mesh"
same_rows whole half
same_state whole half

# Many short lives, each on another mesh, through every station.
dist 1 lives0.log -c "$tiny" --output lives --set checkpoint.stop_after=3 --resume auto
expect 75 "first life"
says lives0.log "no checkpoint in lives: a fresh start"
for life in 1 2 3 4 5 6 7; do
    shards=$((life % 2 + 1))
    dist $((2 * (life % 2) + 2)) "lives$life.log" --output lives --resume auto \
        --set checkpoint.stop_after=3 --set checkpoint.every=2 \
        --set parallel.shards=$shards --set parallel.threads=$((life % 2 + 1))
    [ "$code" = 75 ] || break
done
expect 0 "last life"
same_rows whole lives
same_state whole lives

# Second moments are state too.
dist 1 adam.log -c "$tiny" --output adam --set optim.name=adamw --set optim.lr=0.001
expect 0 "adamw uninterrupted"
dist 2 adam2.log -c "$tiny" --output adam2 --set optim.name=adamw --set optim.lr=0.001 \
    --set parallel.shards=2 --set checkpoint.stop_after=10
expect 75 "adamw stopped"
dist 3 adam3.log --output adam2 --resume --set checkpoint.stop_after=0 --set parallel.shards=1
expect 0 "adamw resumed"
same_rows adam adam2
same_state adam adam2

# Back to an older checkpoint, and from the newest again: the metrics lack rows, the state nothing.
dist 1 back0.log -c "$tiny" --output back --set checkpoint.every=2 --set checkpoint.stop_after=9
dist 1 back1.log --resume back/ckpt-0000000006.h5 --set checkpoint.stop_after=1
expect 75 "back to an older checkpoint"
dist 1 back2.log --resume --output back --set checkpoint.stop_after=0
expect 0 "on from the newest"
says back2.log "code=ROWS"
same_state whole back

dist 1 again.log --resume --output whole
expect 0 "a finished run resumed"
same_rows whole half
finish
