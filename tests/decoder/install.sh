#!/usr/bin/env bash
# The decoder as other programs get it: from an installed prefix, with the header, the archive and the C
# library alone, and as a copied source file. install.sh BUILD CMAKE CC
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
build=$1 cmake=$2 cc=$3

"$cmake" --install "$build" --prefix "$PWD/prefix" >install.log
find prefix -type f | sort >files
for file in bin/pwf bin/pwf_dist include/pwf/decoder/pwf_decode.h; do
    check "$file is installed" grep -qx "prefix/$file" files
done
archive=$(grep '/libpwf_decoder\.a$' files)
check "one archive" test -n "$archive"
format=$(grep '/pwf-format\.md$' files)
check "the format is described" grep -qF 'pwfpack\n' "$format"

program=$PWF_SOURCE_DIR/tests/decoder/unpack.c
strict=(-std=c17 -Wall -Wextra -Werror)
check "builds from the prefix" \
    "$cc" "${strict[@]}" -Iprefix/include "$program" "$archive" -o installed
check "builds from a copy of the source" "$cc" "${strict[@]}" -I"$PWF_SOURCE_DIR/include" "$program" \
    "$PWF_SOURCE_DIR/src/decoder/decode.c" -o copied
check "at most 300 lines" test "$(wc -l <"$PWF_SOURCE_DIR/src/decoder/decode.c")" -le 300
for library in mpi hdf5 xxhash; do
    check "needs no $library" test -z "$(ldd installed copied | grep "$library")"
done

PWF_BIN_DIR=$PWD/prefix/bin
dist 1 run.log -c "$PWF_SOURCE_DIR/tests/train/tiny.yaml" --output run --set fixing.export=last
expect 0 "the installed program"
for way in installed copied; do
    ./$way run/model.pwf >$way.values
    check "$way: the values of the safetensors file" cmp $way.values \
        <(tail -c "$(stat -c %s $way.values)" run/model.safetensors)
done
fp32=$(sed -n "s/.* All weights as fp32: \(.*\) bytes\.$/\1/p" run/summary.txt | tr -d ,)
check "all $fp32 bytes of them" test "$(stat -c %s installed.values)" = "$fp32"
head -c 1000 run/model.pwf >cut.pwf
check "a damaged file is refused" test "$(./installed cut.pwf 2>&1 >/dev/null)" != ""
finish
