# Checkpoints and models with a few bytes changed and all checksums and hashes recomputed. libhdf5 crashes
# on some of them; only the child process of pwf verify may crash.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/faults/input.sh
source "$PWF_SOURCE_DIR/tests/faults/input.sh"
title="checkpoints changed on purpose, hashes recomputed"
units="2 11 101"

unit() {
    local i seed file many=100
    if [ "$tier" = quick ]; then many=25; fi
    case $1 in
    1) # the files unchanged, and seeds that crash libhdf5 1.10.8
        for file in ckpt model; do
            reader 0 "$file, no changes" "$PWF_BIN_DIR/pwf" verify "$PWF_SOURCE_DIR/tests/fuzz/corpus/checkpoint/$file"
        done
        for seed in 105 134 190 248; do
            file=ckpt
            if [ $((seed % 2)) = 1 ]; then file=model; fi
            "$PWF_TEST_PROGRAMS/craft_h5" in.h5 $file $seed
            reader "0 65" "$file, changes $seed" "$PWF_BIN_DIR/pwf" verify in.h5
        done
        ;;
    *)
        for ((i = 0; i < many; i++)); do
            seed=$((RANDOM * 32768 + RANDOM)) file=ckpt
            if [ $((i % 2)) = 1 ]; then file=model; fi
            "$PWF_TEST_PROGRAMS/craft_h5" in.h5 $file $seed
            reader "0 65" "$file, changes $seed" "$PWF_BIN_DIR/pwf" verify in.h5
        done
        ;;
    esac
    if [ "$1" != 2 ] || [ "$tier" = quick ]; then return; fi
    fuzz checkpoint 100000
    fuzz ckpt_h5 20000
    fuzz user_h5 20000
}
