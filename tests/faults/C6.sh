# Files that are valid HDF5 but not valid for pwf: a checkpoint with correct hashes, and a user's file,
# which bad_h5 reads as fix-round does within 64 MiB of memory.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/faults/input.sh
source "$PWF_SOURCE_DIR/tests/faults/input.sh"
title="crafted HDF5: links, loops, virtual, enormous, filters"
units="1 1 1"

unit() {
    local kind codes
    for kind in $("$PWF_TEST_PROGRAMS/bad_h5" kinds); do
        if [ "$tier.$kind" = quick.100000_groups ]; then continue; fi # takes seconds to create
        rm -f in.h5
        "$PWF_TEST_PROGRAMS/bad_h5" make in.h5 ckpt "$kind"
        reader 65 "a checkpoint, $kind" "$PWF_BIN_DIR/pwf" verify in.h5
        rm -f in.h5
        "$PWF_TEST_PROGRAMS/bad_h5" make in.h5 round "$kind"
        codes=65
        case $kind in [0-9]*_groups) codes=0 ;; esac # other objects next to the weights are harmless
        reader "$codes" "weights for fix-round, $kind" "$PWF_TEST_PROGRAMS/bad_h5" read in.h5 out
    done
}
