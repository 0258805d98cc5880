# Kills at random times.
# shellcheck shell=bash disable=SC2034,SC2154
title="kill -9 of a rank, the launcher or all, at any time"
units="3 200 1000"
settings+=(--set train.baseline_epochs=3)

# Milliseconds since 1970 of the first line with TEXT, as the program wrote it.
stamp() { date -d "$(grep -m 1 -- "$1" whole.log | cut -d ' ' -f 1)" +%s%3N; }

setup() {
    whole_run
    echo $(($(stamp code=RESULT) - $(stamp code=MODEL))) >span.txt
}

unit() {
    local run=kill$1 ranks=$((RANDOM % 2 + 2)) who=$((RANDOM % 4)) wait from_text="its start" span
    any_writing
    # A quarter of the kills come at any time after the launch, the others after the run has begun.
    span=$(cat length.txt)
    [ $(($1 % 4)) = 0 ] || from_text="the first line" span=$(cat span.txt)
    wait=$((RANDOM % span))
    launch "$run.log" $ranks "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output "$run"
    until [ $(($1 % 4)) = 0 ] || grep -q code=MODEL "$run.log" || ! kill -0 "$group" 2>/dev/null; do sleep 0.01; done
    sleep "$(seconds $wait)"
    kill_one $who
    case $victim:$code in *:0 | *:137) ;; *) failing=code check "code $code after a kill" false ;; esac
    resume_to_end "$run"
    failing=leftovers check "the files differ from those of an uninterrupted run" \
        cmp <(cd whole && find . | sort) <(cd "$run" && find . | sort)
    case_is good "$victim of $ranks ranks killed $wait of $span ms after $from_text: ${from:+resumed from step }${from:-it had finished}"
    rm -rf "$run" "$run".log*
}
