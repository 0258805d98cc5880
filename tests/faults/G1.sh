# Damaged images: every truncation, and changed bytes; in the other tiers also new fuzz inputs.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/faults/input.sh
source "$PWF_SOURCE_DIR/tests/faults/input.sh"
title="damaged images"
units="1 2 21"

unit() {
    if [ "$1" = 1 ]; then
        program test_image "every truncation of 16 pictures, claims, scans, memory, changed bytes"
        replay jpeg
        replay png
        replay idx
        replay cifar
        replay stl10
        replay archive
    else
        fuzz jpeg 20000
        fuzz png 100000
        fuzz idx 100000
        fuzz cifar 100000
        fuzz stl10 100000
        fuzz archive 100000
    fi
}
