# An allocation of pwf fails, at every place that allocates.
# shellcheck shell=bash disable=SC2034,SC2154
title="the n-th allocation fails, once or for ever"
units="12 300 all"

# The command to try. All of them run on one rank without a launcher.
try() { # try COMMAND MEMORY: output to try.log, code in $code
    local command=(pwf_dist "${settings[@]}" --output run --set train.batch=64)
    rm -rf run out.*
    case $1 in
    settings) command+=(--check) ;;
    load) cp -r before run && command+=(--check --resume auto) ;;
    run) cp -r before run && command+=(--resume auto) ;;
    inspect) command=(pwf inspect whole/model.h5) ;;
    verify) command=(pwf verify whole) ;;
    export) command=(pwf export whole/model.h5 -o out.pwf) ;;
    tensors) command=(pwf export whole/model.h5 -o out.safetensors) ;;
    round) command=(pwf fix-round "$PWF_SOURCE_DIR/tests/rounds/round_0.h5" -o out.h5) ;;
    esac
    code=0
    timeout -k 5 120 env LD_PRELOAD="$PWF_TEST_PROGRAMS/libmemory.so" PWF_TEST_MEMORY="$2" \
        "$PWF_BIN_DIR/${command[0]}" "${command[@]:1}" >try.log 2>&1 </dev/null || code=$?
}

# `before` is a run with only its last round left.
setup() {
    local what n
    whole_run
    dist 1 before.log "${settings[@]}" --output before --set checkpoint.stop_after=18
    expect 75 "a run that stops"
    for what in settings load run inspect verify export tensors round; do
        try $what "0 count"
        expect 0 "$what without a failed allocation"
        n=$(sed -n 's/^memory: \([0-9]*\) allocations/\1/p' try.log)
        test "$n" -gt 3
        for ((; n > 0; n--)); do printf '%s %d once\n%s %d ever\n' $what "$n" $what "$n"; done
    done >list.txt
    test "$failures" = 0
}

unit() {
    local what n how ended
    read -r what n how <<<"$2"
    try "$what" "$n $how"
    failing=silent check "no allocation failed" grep -q '^memory: ran out' try.log
    ended=$code
    if [ $code != 0 ]; then
        expect 71 "$what"
        failing=silent check "no message" grep -q 'level=error code=RESOURCE' try.log
        failing=leftovers check "partial files were left" \
            test -z "$(find . -maxdepth 1 -name 'out.*' -o -maxdepth 1 -name '.out.*')"
    fi
    if [ -n "$fault" ]; then cat try.log; fi
    if [ "$what" = run ]; then mv try.log run.log && resume_to_end run; fi
    case_is "$([ $ended = 0 ] && echo good || echo refused)" "$what: allocation $n, $how"
}
