# Hostile YAML and common mistakes: refused with 78 and a line number, or accepted.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/faults/input.sh
source "$PWF_SOURCE_DIR/tests/faults/input.sh"
title="YAML bombs and mistakes"
units="1 2 21"

bad() { # bad "what" BYTES-AS-PRINTF
    # shellcheck disable=SC2059
    printf "$2" >in.yaml
    reader 78 "$1" "$PWF_TEST_PROGRAMS/config_tool" in.yaml
    says reader.log in.yaml
}

# repeat COUNT CHARACTER
repeat() { head -c "$1" /dev/zero | tr '\0' "$2"; }

unit() {
    local i bomb='a0: &a0 [x, x]\n'
    if [ "$1" != 1 ]; then
        fuzz yaml 100000
        fuzz set 100000
        fuzz json 100000
        return
    fi
    for ((i = 1; i < 30; i++)); do bomb+="a$i: &a$i [*a$((i - 1)), *a$((i - 1))]\n"; done
    bad "64 KiB of [" "$(repeat 65536 '[')"
    bad "an alias bomb of 30 levels" "$bomb"
    bad "a key of 1 MB" "$(repeat 1000000 k): 1\n"
    bad "UTF-16" '\377\376t\0r\0a\0i\0n\0:\0 \0{\0}\0\n\0'
    bad "a zero byte" 'train:\n  batch: 8\0\n'
    bad "a tab" 'train:\n\tbatch: 8\n'
    bad ".nan" 'optim:\n  lr: .nan\n'
    bad "1e999" 'optim:\n  lr: 1e999\n'
    bad "0o17" 'train:\n  batch: 0o17\n'
    bad "a key twice" 'train:\n  batch: 8\n  batch: 8\n'
    bad "a merge key" 'train:\n  <<: {batch: 8}\n'
    bad "a tag" 'train: !!python/object/apply:os.system [ls]\n'
    bad "a second document" 'train:\n  batch: 8\n---\ntrain:\n  batch: 8\n'
    replay yaml
    replay set
    replay json
}
