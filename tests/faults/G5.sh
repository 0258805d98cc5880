# Untrusted weight files: safetensors headers with false values, and the fuzz corpora of the readers.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/faults/input.sh
source "$PWF_SOURCE_DIR/tests/faults/input.sh"
title="invalid safetensors, PyTorch and .pwf files"
units="1 2 21"

# bytes N VALUE: little-endian
bytes() { local i; for ((i = 0; i < $1; i++)); do printf '\\%03o' $((($2 >> (8 * i)) & 255)); done; }

bad() { # bad "what" HEADER BODY-BYTES [LENGTH]: the length of the header is correct unless given
    local length=${4:-$(bytes 8 ${#2})}
    # shellcheck disable=SC2059
    { printf "$length" && printf '%s' "$2" && head -c "$3" /dev/zero; } >in.safetensors
    reader 65 "$1" "$PWF_BIN_DIR/pwf" inspect in.safetensors
}
tensor() { printf '"%s":{"dtype":"%s","shape":[%s],"data_offsets":[%s]}' "$@"; }

unit() {
    local deep one
    if [ "$1" != 1 ]; then
        fuzz safetensors 100000
        fuzz pytorch 50000
        fuzz pickle 100000
        fuzz packed 100000
        return
    fi
    one=$(tensor w F32 4 0,16)
    deep=$(head -c 30000 /dev/zero | tr '\0' '[')
    bad "a header of 2^64 - 1 bytes" "{$one}" 16 '\377\377\377\377\377\377\377\377'
    bad "a header longer than the file" "{$one}" 16 "$(bytes 8 100000)"
    bad "a header that is no object" "[$one]" 16
    bad "a hole" "{$one,$(tensor v F32 4 32,48)}" 48
    bad "an overlap" "{$one,$(tensor v F32 4 8,24)}" 24
    bad "sizes that overflow" "{$(tensor w F32 4294967296,4294967296,4294967296 0,0)}" 0
    bad "a size that is not that of the shape" "{$(tensor w F32 5 0,16)}" 16
    bad "bytes behind the end" "{$one}" 17
    bad "an end that is missing" "{$one}" 15
    bad "a name twice" "{$one,$one}" 16
    bad "an unknown type" "{$(tensor w F1024 4 0,16)}" 16
    bad "a negative offset" "{$(tensor w F32 4 -16,0)}" 16
    bad "deep nesting" "{\"a\":$deep" 0
    bad "a name with a line end" "{$(tensor 'a\u000ab' F32 4 0,16)}" 16
    bad "a name that leads elsewhere" "{$(tensor '../../etc/passwd\u0000' F32 4 0,16)}" 16
    replay safetensors
    replay pytorch
    replay pickle
    replay packed
}
