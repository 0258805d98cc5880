#!/usr/bin/env bash
# Prints which lines of the readers the corpus reaches. Usage: coverage.sh BUILD [FUZZ_BUILD]
# Inputs that fuzzing in FUZZ_BUILD has found are included; no fuzzer may run there. BUILD is created (needs
# clang and llvm).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1 found=${2:-/nonexistent}
source=$(cd "$here/../.." && pwd)
readers=(core/json.c config/yaml.c config/value.c config/number.c config/sources.c config/check.c
    formats/weights_file.c formats/reader_safetensors.c formats/reader_npz.c formats/zip.c formats/pickle.c formats/pytorch.c ckpt/file.c ckpt/layout.c
    ckpt/read.c ckpt/inspect.c arrays/user_h5.c arrays/round_input.c arrays/predict_input.c decoder/decode.c data/idx.c
    data/source_idx.c data/source_cifar.c data/source_stl10.c data/file.c image/decode.c image/jpeg.c image/png.c data/archive.c data/source_imagefolder.c app/command.c app/network.c)

cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=clang \
    -DCMAKE_C_FLAGS="-fprofile-instr-generate -fcoverage-mapping" >/dev/null
programs=() objects=()
for corpus in "$here"/corpus/*; do programs+=("fuzz_$(basename "$corpus")"); done
cmake --build "$build" --target "${programs[@]}" >/dev/null
for program in "${programs[@]}"; do
    target=${program#fuzz_}
    corpora=("$here/corpus/$target")
    [ -d "$found/corpus/$target" ] && corpora+=("$found/corpus/$target")
    TMPDIR=$build LLVM_PROFILE_FILE="$build/$target.profraw" \
        "$build/tests/$program" "${corpora[@]}" >/dev/null
    [ "${#objects[@]}" = 0 ] || objects+=(-object)
    objects+=("$build/tests/$program")
done
llvm-profdata merge -o "$build/fuzz.profdata" "$build"/*.profraw
llvm-cov report -show-functions=false -instr-profile "$build/fuzz.profdata" "${objects[@]}" "${readers[@]/#/$source/src/}"
