# Invalid meshes: all ranks refuse them at the start with one code, and no file is created.
# shellcheck shell=bash disable=SC2034,SC2154
title="more ranks than slots, odd meshes"
units="3 all all"

# CODE RANKS "text" SETTING ...; tiny.yaml has 8 slots of 8 images.
setup() {
    cat >list.txt <<'END'
69 3 slots parallel.slots=2
69 4 slots parallel.threads=3
69 8 slots parallel.slots=4
78 2 shards parallel.shards=3
78 3 shards parallel.shards=2
78 4 shards parallel.shards=8
78 1 shards parallel.shards=0
78 1 shards parallel.shards=-1
78 2 threads parallel.threads=0
78 2 threads parallel.threads=1000000
78 2 slots parallel.slots=0
78 2 slots parallel.slots=7
78 2 slots parallel.slots=-8
78 2 batch train.batch=0
78 2 batch train.batch=1
0 8 code=CHECK parallel.shards=8
0 6 code=CHECK parallel.shards=2
0 5 code=CHECK parallel.shards=5
END
}

unit() {
    local want ranks text setting more=()
    read -r want ranks text setting <<<"$2"
    [ "$want" != 0 ] || more=(--check)
    dist "$ranks" odd.log "${settings[@]}" --output odd --set "$setting" ${more[@]+"${more[@]}"}
    expect "$want" "$setting on $ranks ranks"
    says odd.log "$text"
    check "$setting: more than one error message" test "$(grep -c level=error odd.log)" = "$((want != 0))"
    failing=leftovers check "$setting: a directory was created" test ! -e odd
    case_is "$([ "$want" = 0 ] && echo good || echo refused)" "$setting on $ranks ranks: $code"
    rm -rf odd odd.log
}
