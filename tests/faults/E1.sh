# A checkpoint of n ranks is resumed on m ranks.
# shellcheck shell=bash disable=SC2034,SC2154
title="saved by n ranks, resumed on m, n and m of 1 to 8"
units="2 all all"

setup() {
    local n m
    whole_run
    for n in 1 2 3 4 6 8; do for m in 1 2 3 4 6 8; do echo "$n $m"; done; done >list.txt
}

# shards RANKS: a random divisor of RANKS; shards of tiny.yaml may be empty
shards() {
    local all=() d
    for ((d = 1; d <= $1; d++)); do [ $(($1 % d)) != 0 ] || all+=("$d"); done
    echo "${all[RANDOM % ${#all[@]}]}"
}

unit() {
    local n m run=pair$1 step=$((RANDOM % 19 + 1)) before after
    read -r n m <<<"$2"
    before=$(shards "$n") after=$(shards "$m")
    dist "$n" "$run.log" "${settings[@]}" --output "$run" --set "parallel.shards=$before" \
        --set "checkpoint.stop_after=$step"
    expect 75 "saved by $n ranks"
    # The loaded state is written again at once.
    mkdir same
    touch same/stop
    dist "$m" same.log --resume "$(newest "$run")" --output same --set "parallel.shards=$after"
    expect 75 "loaded by $m ranks"
    check "the loaded state differs" h5diff --exclude-path /run "$(newest "$run")" "$(newest same)"
    dist "$m" "$run.log" "${settings[@]}" --resume auto --output "$run" --set "parallel.shards=$after" \
        --set checkpoint.stop_after=0
    expect 0 "resumed on $m ranks"
    same_rows whole "$run"
    same_state whole "$run"
    no_leftovers "$run"
    case_is good "step $step of $n ranks, $before shards, by $m ranks, $after shards"
    rm -rf same "$run" same.log "$run.log"
}
