# Good files of every kind, compared with other readers: Pillow, PyYAML, h5py.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/faults/input.sh
source "$PWF_SOURCE_DIR/tests/faults/input.sh"
title="good files compared with other readers"
units="1 5 20"

# readers.py prints lines "case KIND description".
unit() {
    local count=100 kind what
    if [ "$tier" = quick ]; then count=20; fi
    code=0
    "${PWF_PYTHON:-python3}" "$PWF_SOURCE_DIR/tests/faults/readers.py" $((RANDOM)) $count "$PWF_BIN_DIR" >out.txt || code=$?
    expect 0 "readers.py"
    while read -r _ kind what; do case_is "$kind" "$what"; done < <(grep '^case ' out.txt)
}
