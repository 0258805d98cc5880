# Kills before each system call with which a prune opens, renames or removes a file.
# shellcheck shell=bash disable=SC2034,SC2154
title="kill -9 of rank 0 during a prune"
units="1 5 15"

setup() { # checkpoints of six steps, each in its own directory
    local step
    for step in {1..6}; do
        mkdir "$step"
        "$PWF_TEST_PROGRAMS/ckpt_program" 1 write "$step" "$step" "$step"
    done
}

unit() {
    local n step steps='' last=0 stride=1
    for step in {1..6}; do
        if [ "$step" -ge 5 ] || [ $((RANDOM % 2)) = 1 ]; then steps="$steps $step"; fi
    done
    # In the quick tier a few calls and the last one.
    [ "$tier" != quick ] || stride=5
    for ((n = 1 + RANDOM % stride; n <= 60 && last == 0; n += stride)); do
        rm -rf run && mkdir run
        for step in $steps; do cp "$step"/ckpt-* run; done
        cp 1/ckpt-*.h5 run/.trash-ckpt-0000000001.h5
        head -c 9000 2/ckpt-*.h5 >run/.ckpt-0000000002.h5.part.0.0.0123456789abcdef
        code=0
        LD_PRELOAD=$shim PWF_SHIM="0 run/ name kill $n once" \
            "$PWF_TEST_PROGRAMS/ckpt_program" 1 prune run >out 2>err || code=$?
        if [ $code = 0 ]; then last=1; else failing=code check "code $code" test $code = 137; fi
        # The two newest checkpoints exist, and the next process finds the newest and cleans up.
        "$PWF_BIN_DIR/pwf" verify run/ckpt-0000000005.h5 run/ckpt-0000000006.h5 >>out ||
            check "one of the newest two is gone or bad" false
        "$PWF_TEST_PROGRAMS/ckpt_program" 1 prune run >out 2>>err || check "the next process: $(tail -n 1 err)" false
        check "$(cat out)" grep -q '^loaded 6 ' out
        failing=leftovers check "left behind" \
            diff <(printf '%s\n' ckpt-0000000005.h5 ckpt-0000000006.h5) <(find run -type f -printf '%f\n' | sort)
        case_is good "of$steps, call $n: $([ $last = 1 ] && echo "no call left" || echo killed)"
    done
    check "the prune did not finish" test $last = 1
    case_is good "of$steps: to the last call"
}
