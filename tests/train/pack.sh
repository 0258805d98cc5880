#!/usr/bin/env bash
# Training from image archives has the same bits as training from the folders they were packed from; and
# the messages of pwf pack.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./* ./.*.part
config=$PWF_SOURCE_DIR/tests/train/images.yaml
"$PWF_BIN_DIR/../tests/synthetic_tree" tree 4 24 5 1

pack() { # pack RANKS LOG OPTIONS...
    local ranks=$1 log=$2
    shift 2
    code=0
    timeout -k 5 100 mpirun --oversubscribe --bind-to none -n "$ranks" "$PWF_BIN_DIR/pwf" pack "$@" \
        >"$log" 2>&1 </dev/null || code=$?
}

dist 2 folder.log -c "$config" --output folder
expect 0 "from folders"
mkdir encoded pixels
pack 2 pack.log tree -o encoded/train.h5
expect 0 "pack"
says pack.log "96 images in 4 classes"
says pack.log "the files as they are"
says pack.log "are free there"
pack 3 val.log tree -o encoded/val.h5 --split val
expect 0 "pack of the validation images"
for split in train val; do
    pack 2 pixels.log tree -o pixels/$split.h5 --split $split --pixels 28
    expect 0 "pack of pixels"
done
while read -r form ranks threads loading; do
    name=$form-$ranks-$threads-$loading
    dist "$ranks" "$name.log" -c "$config" --output "$name" --set data.format=hdf5 \
        --set data.path="$form" --set parallel.threads="$threads" --set data.threads="$loading"
    expect 0 "$form on $ranks ranks of $threads threads, $loading for loading"
    same_rows folder "$name"
    same_state folder "$name"
done <<LIST
encoded 2 1 3
pixels 1 2 0
LIST

# The same file on any number of ranks, readable by everyone.
pack 1 one.log tree -o one.h5
check "another number of ranks, another file" cmp one.h5 encoded/train.h5
check "h5dump cannot read the names" grep -q '"train/n00000003/n00000003_23.JPEG' <(h5dump -d names one.h5)
check "h5dump cannot read the pixels" grep -q 'SIMPLE { ( 96, 28, 28, 3 )' <(h5dump -H pixels/train.h5)

cp -r tree flat && mv flat/val/n????????/* flat/val/ && rmdir flat/val/n????????
(cd flat/val && printf '%s\n' *.JPEG) | sed 's/\(n[0-9]*\)\(.*\)/\1\2 \1/' >flat/val.txt
pack 2 flat.log flat -o flat.h5 --split val --val-list val.txt
expect 0 "a flat validation folder"
check "other labels" cmp <(h5dump -d labels flat.h5 | tail -n +2) <(h5dump -d labels encoded/val.h5 | tail -n +2)

# Refusals.
pack 2 exists.log tree -o one.h5
expect 73 "an output that exists"
says exists.log "one.h5 exists; --force replaces it"
pack 2 force.log tree -o one.h5 --pixels 8 --force
expect 0 "an output that is replaced"
check "not replaced" test "$(stat -c %s one.h5)" -lt 100000
pack 2 usage.log tree -o x.h5 --pixels 0
expect 64 "no pixels"
pack 2 none.log nowhere -o x.h5
expect 66 "no tree"
check "something is left" test -z "$(find . -maxdepth 1 -name '.*.part')"

# An unusable file stops all ranks; the work done so far is kept.
cp -r tree broken
bad=broken/train/n00000002/n00000002_5.JPEG
rm $bad && mkfifo $bad
pack 2 bad.log broken -o x.h5
expect 65 "a pipe in place of a file"
says bad.log "$bad is not a regular file"
rm $bad && head -c 700 "tree${bad#broken}" >$bad
pack 2 bad.log broken -o x.h5 --pixels 28
expect 65 "a damaged file"
says bad.log "$bad"
says bad.log "code=PACK_KEPT"
pack 2 other.log broken -o x.h5
expect 73 "other options"
says other.log "use the same options again, or discard it with --force"
pack 2 force2.log broken -o x.h5 --force
expect 0 "discarded"

# A file system that is too small, if this process may mount one.
if unshare -m mount -t tmpfs none /mnt 2>/dev/null; then
    code=0
    # shellcheck disable=SC2016
    unshare -m sh -c 'mount -t tmpfs -o size=200k none /mnt && exec "$0" pack tree -o /mnt/x.h5' \
        "$PWF_BIN_DIR/pwf" >room.log 2>&1 || code=$?
    expect 73 "no room"
    says room.log "GB more, but its file system has"
fi

# Damage is found when the image is read, and named; and tolerated as in a folder.
printf 'X' | dd of=encoded/train.h5 bs=1 seek=100000 conv=notrunc status=none
dist 2 damaged.log -c "$config" --output damaged --set data.format=hdf5 --set data.path=encoded
expect 65 "a damaged archive"
says damaged.log "in encoded/train.h5 (image "
dist 2 skip.log -c "$config" --output skip --set data.format=hdf5 --set data.path=encoded \
    --set data.skip_bad=1
expect 0 "a damaged archive, one image tolerated"
says skip.log "code=SKIPPED"
finish
