# Kills at random times.
# shellcheck shell=bash disable=SC2034,SC2154
title="kill -9 of a rank, the launcher or all, at any time"
units="3 200 1000"

setup() { whole_run; }

unit() {
    local run=kill$1 ranks=$((RANDOM % 2 + 2)) who=$((RANDOM % 4)) wait length
    length=$(cat length.txt)
    wait=$((RANDOM % length))
    any_writing
    launch "$run.log" $ranks "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output "$run"
    sleep "$(seconds $wait)"
    kill_one $who
    case $victim:$code in *:0 | *:137) ;; *) failing=code check "code $code after a kill" false ;; esac
    take_up "$run"
    failing=leftovers check "other files than in a whole run" \
        cmp <(cd whole && find . | sort) <(cd "$run" && find . | sort)
    case_is good "$victim of $ranks ranks killed after $wait ms of $length: ${from:+went on from step }${from:-had ended}"
    rm -rf "$run" "$run".log*
}
