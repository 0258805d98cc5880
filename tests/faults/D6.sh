# The warning before the time limit comes early, late or never; or a stop file or checkpoint.max_time is used.
# shellcheck shell=bash disable=SC2034,SC2154
title="the warning before the time limit early, late, never"
units="5 30 150"

setup() { whole_run; }

by_itself() { # by_itself RUN: a stop file, and a checkpoint.max_time that has passed at the start
    mkdir "$1"
    touch "$1/stop"
    dist 2 "$1.log" "${settings[@]}" --output "$1"
    expect 75 "a file to stop"
    says "$1.log" "stopped at step 0 because of the file"
    check "the file is gone" test ! -e "$1/stop"
    dist 2 "$1.log" "${settings[@]}" --output "$1" --resume auto --set checkpoint.max_time=1e-5
    expect 75 "no time"
    says "$1.log" "checkpoint.max_time"
}

warned() { # warned RUN
    local length wait late=$((RANDOM % 100))
    length=$(cat length.txt) wait=$((RANDOM % (length / 3)))
    # Early: a rank waits for the signal before the first step.
    [ "$when" != early ] || local -x PWF_TEST_FAULT=train.begin:$((RANDOM % 2)):1:delay
    begin "$1" 2
    if [ "$when" = early ]; then
        await "$1" "^fault delay"
        wait=0
    else
        await "$1" code=MODEL
    fi
    sleep "$(seconds $wait)"
    processes
    [ "$when" = never ] || send USR1 "${launcher:-$group}"
    if [ "$when" != early ]; then
        [ "$when" = never ] || sleep "$(seconds $late)"
        kill -9 ${rank[@]+"${rank[@]}"} "${launcher:-$group}" 2>/dev/null || true
    fi
    end_job "$1"
    case $when:$code in
    late:0 | never:0 | early:75 | late:75 | late:137 | never:137) ;;
    *) failing=code check "code $code, $when" false ;;
    esac
    when+=", $wait ms after the start"
}

unit() {
    local run=warn$1 when kind=good
    case $(($1 % 5)) in
    1) when=early && warned "$run" ;;
    2 | 4) when=late && warned "$run" ;;
    3) when=never && warned "$run" ;;
    0) when="by a file and by the clock" && by_itself "$run" ;;
    esac
    if [ "$code" = 137 ]; then kind=old; fi
    resume_to_end "$run"
    case_is $kind "$when: resumed from step ${from:-none}"
    rm -rf "$run" "$run".log*
}
