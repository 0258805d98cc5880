#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# pwf verify on whole and on damaged files: its lines and its codes. Usage: verify.sh MPIEXEC PROGRAM
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
mpiexec=$1 program=$2
rm -rf ./*
mkdir run empty
"$mpiexec" -n 2 "$program" 2 write run 7 8 >/dev/null
"$mpiexec" -n 2 "$program" 2 model run
one=run/ckpt-0000000007.h5 two=run/ckpt-0000000008.h5

# same CODE "what" FILE ...: verifies, and expects the code
same() {
    local want=$1 what=$2
    shift 2
    tool 1 out verify "$@"
    expect "$want" "$what"
}

same 0 "a good directory" run
says out "good  $one: checkpoint of example, step 7, "
says out "good  run/model.h5: model of example"
says out "3 files, 0 bad"
same 0 "a good file" $two
check "one line for one file" test "$(wc -l <out)" = 1
same 0 "a model" run/model.h5

size=$(stat -c %s $two)
cp $two good.h5
# damage "what" "its words": what was done to $two
damage() {
    same 65 "$1, alone" $two
    says out "BAD   $two: "
    says out "$2"
    same 65 "$1, in its directory" run
    says out "good  $one: "
    says out "BAD   $two: "
    says out "3 files, 1 bad"
    says out.err "1 of 3 files are bad"
    cp good.h5 $two
}
flip() { # flip OFFSET: all bits of a byte
    printf '%b' "\\x$(printf %02x $((255 - $(od -An -tu1 -j "$1" -N 1 $two))))" |
        dd of=$two bs=1 seek="$1" conv=notrunc status=none
}
flip 100
damage "a flip in the first block" "damaged in its first block"
flip 4200
damage "a flip in HDF5's metadata" "outside its arrays"
# The largest array begins somewhere before the middle of the file.
flip $((size / 2))
damage "a flip in an array" "damaged in block"
truncate -s $((size - 1)) $two
damage "a byte less" "is truncated"
echo >>$two
damage "a byte more" "extra bytes at its end"
dd if=/dev/zero of=$two bs=4096 seek=$((size / 8192)) count=1 conv=notrunc status=none
damage "a page of zeros" "damaged"
: >$two
damage "an empty file" "only 0 bytes"
cp "$program" $two
damage "another file" "not a checkpoint of this program"
head -c 4096 $one | dd of=$two conv=notrunc status=none
damage "two files spliced" "damaged"

same 0 "good again" run $one
says out "4 files, 0 bad"
same 66 "no such file" run/ckpt-0000000009.h5
same 66 "a directory without checkpoints" empty
same 64 "no name"
same 64 "an option" --all
finish
