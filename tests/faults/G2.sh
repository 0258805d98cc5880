# Images that claim an enormous size or take very long to decode, in a folder that pwf pack reads.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/faults/input.sh
source "$PWF_SOURCE_DIR/tests/faults/input.sh"
title="image bombs"
units="1 1 1"

unit() {
    local name
    program test_image "claims of sides and pixels, scans, memory" 1
    if ! command -v python3 >/dev/null; then case_is good "skipped, no python3" && return; fi
    rm -rf tree bombs
    python3 "$PWF_SOURCE_DIR/tests/faults/bombs.py" "$PWF_SOURCE_DIR/tests/fuzz/corpus" bombs
    for name in bombs/*; do
        rm -rf tree made && mkdir made
        "$PWF_TEST_PROGRAMS/synthetic_tree" tree 2 2 2 1
        cp "$name" tree/train/n00000000/
        reader 65 "$(basename "$name")" "$PWF_BIN_DIR/pwf" pack tree -o made/out.h5 --pixels 8
        says reader.log "$(basename "$name")"
    done
}
