# A run that is stopped after each of its steps.
# shellcheck shell=bash disable=SC2034,SC2154
title="stopped after step k, once or every k steps"
units="2 24 24"

# 20 steps; after steps 4, 12 and 20 comes an evaluation or a round in the middle of an epoch. The first of
# five units restarts the run many times, each time on another mesh; all 24 units cover every k.
setup() { whole_run; }

unit() {
    local run=step$1 how=once k lives=1 shards
    if (($1 % 5 == 1)); then
        how=always k=$((($1 / 5 + 2) % 5 + 1))
    else
        k=$((($1 - 1 - ($1 - 1) / 5) * 7 % 19 + 1))
    fi
    dist 2 "$run.log" "${settings[@]}" --output "$run" --resume auto --set "checkpoint.stop_after=$k"
    says "$run.log" "no checkpoint in $run; starting a new run"
    expect 75 "stopped after step $k"
    check "stopped at another step" grep -q "result=stopped code=75 steps=$k " "$run.log"
    while [ $how = always ] && [ "$code" = 75 ] && [ $lives -lt 25 ]; do
        lives=$((lives + 1)) shards=$((RANDOM % 2 + 1))
        dist $((shards * (RANDOM % 2 + 1))) "$run.log" --output "$run" --resume auto --set "checkpoint.stop_after=$k" \
            --set parallel.shards=$shards --set parallel.threads=$((RANDOM % 2 + 1))
    done
    resume_to_end "$run"
    case_is good "$how after step $k: $lives starts${from:+, resumed from step $from}"
    rm -rf "$run" "$run.log"
}
