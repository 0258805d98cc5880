# A run that stopped behind each of its steps.
# shellcheck shell=bash disable=SC2034,SC2154
title="stopped behind step k, once or every k steps"
units="2 24 24"

# 20 steps; behind 4, 12 and 20 comes a measure or a round, inside a pass through the images. In the first
# unit of five a run of many short lives, on another mesh each; all 24 have every k.
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
    expect 75 "stopped behind step $k"
    check "stopped at another step" grep -q "result=stopped code=75 steps=$k " "$run.log"
    while [ $how = always ] && [ "$code" = 75 ] && [ $lives -lt 25 ]; do
        lives=$((lives + 1)) shards=$((RANDOM % 2 + 1))
        dist $((shards * (RANDOM % 2 + 1))) "$run.log" --output "$run" --resume auto --set "checkpoint.stop_after=$k" \
            --set parallel.shards=$shards --set parallel.threads=$((RANDOM % 2 + 1))
    done
    take_up "$run"
    case_is good "$how behind step $k: $lives lives${from:+, went on from step $from}"
    rm -rf "$run" "$run.log"
}
