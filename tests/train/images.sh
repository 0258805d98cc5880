#!/usr/bin/env bash
# Runs on class folders of JPEG files: the same bits on every mesh and with any number of loading
# threads, after a resume, and with damaged files among the good ones.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
config=$PWF_SOURCE_DIR/tests/train/images.yaml
"$PWF_BIN_DIR/../tests/synthetic_tree" tree 4 24 5 1

dist 1 one.log -c "$config" --output one
expect 0 "one rank"
check "15 step rows" test "$(grep -c '"kind": "step"' one/metrics.jsonl)" = 15
check "each step says what share it waited" test "$(grep -c '"wait_share": ' one/metrics.jsonl)" = 15
while read -r shards ranks threads loading; do
    name=mesh-$shards-$ranks-$threads-$loading
    dist "$ranks" "$name.log" -c "$config" --output "$name" --set parallel.shards="$shards" \
        --set parallel.threads="$threads" --set data.threads="$loading"
    expect 0 "$shards shards on $ranks ranks of $threads threads, $loading for loading"
    same_rows one "$name"
    same_state one "$name"
done <<EOF
1 1 2 0
1 2 1 3
2 2 2 1
1 3 1 2
EOF

# Resumed in the second pass over the data, on another mesh.
dist 2 part.log -c "$config" --output part --set checkpoint.stop_after=8
expect 75 "stopped after 8 steps"
dist 1 part2.log --resume --output part --set checkpoint.stop_after=0 --set data.threads=1 \
    --set parallel.threads=2
expect 0 "resumed"
same_rows one part
same_state one part

# The images may have moved, for example to a local disk; different images are refused.
cp -r tree moved
dist 2 moved.log --resume one/round-01.h5 --output moved_run --set data.path="$PWD/moved"
expect 0 "resumed with the images elsewhere"
same_state one moved_run
for part in train val; do
    cp -r tree more_$part
    cp more_$part/$part/n00000000/n00000000_1.JPEG more_$part/$part/n00000000/new.JPEG
    dist 2 other.log --resume one/round-01.h5 --output other --set data.path=more_$part
    expect 65 "other images in $part"
    says other.log "one/round-01.h5: the hash of the training and test images is "
done

# data.validation, and a flat val/ with its list.
dist 2 held.log -c "$config" --output held --set data.validation=0.25 --set data.eval_transform=timm
expect 0 "validation share"
says held.log "72 training and 24 test images"
cp -r tree flat && mv flat/val/n????????/* flat/val/ && rmdir flat/val/n????????
(cd flat/val && printf '%s\n' *.JPEG) | sed 's/\(n[0-9]*\)\(.*\)/\1\2 \1/' | sort -r >flat/val.txt
dist 2 flat.log -c "$config" --output flat_run --set data.path=flat --set data.val_list=val.txt
expect 0 "flat validation folder"
measures() { rows "$1/metrics.jsonl" | sed -E 's/"fingerprint": "[^"]*"//'; } # files have other names
check "measures of one and flat_run differ" cmp -s <(measures one) <(measures flat_run)
mv flat/val.txt flat_elsewhere.txt
dist 1 list.log --resume flat_run/round-01.h5 --output list_run \
    --set data.val_list="$PWD/flat_elsewhere.txt"
expect 0 "resumed with the list elsewhere"
same_state flat_run list_run

# Damaged files, found in the fifth step: refused, tolerated, too many.
cp -r tree bad
bad=bad/train/n00000001/n00000001_9.JPEG
head -c 1500 "tree${bad#bad}" >$bad
dist 2 strict.log -c "$config" --output strict --set data.path=bad --set checkpoint.every=1
expect 65 "a file cut short"
says strict.log "$bad is truncated"
dist 1 strict2.log --resume auto --output strict --set data.skip_bad=1 --set checkpoint.every=0
expect 0 "resumed with one tolerated"
for ranks in 1 2 3; do
    dist $ranks skip$ranks.log -c "$config" --output skip$ranks --set data.path=bad \
        --set data.skip_bad=1
    expect 0 "one bad file tolerated on $ranks ranks"
    says skip$ranks.log "code=SKIPPED"
    check "the bad file is in the metrics once" \
        test "$(grep -c '"file": "train/n00000001/n00000001_9.JPEG"' skip$ranks/metrics.jsonl)" = 1
    same_rows skip1 skip$ranks
    same_state skip1 skip$ranks
done
same_rows skip1 strict
same_state skip1 strict
: >bad/train/n00000000/n00000000_9.JPEG
: >bad/val/n00000000/n00000000_0.JPEG
dist 2 many.log -c "$config" --output many --set data.path=bad --set data.skip_bad=1
expect 65 "two bad files, one tolerated"
says many.log "data.skip_bad tolerates no more"

dist 2 classes.log -c "$config" --output o --set model.classes=5
expect 65 "classes that do not fit the head"
says classes.log "tree/train has 4 class folders, but model.classes is 5"
dist 1 small.log -c "$config" --output o --set data.resize=20
expect 78 "a crop larger than the image"
finish
