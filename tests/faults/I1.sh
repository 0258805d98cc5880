# Wall clocks that are wrong, differ between ranks, or jump.
# shellcheck shell=bash disable=SC2034,SC2154
title="wall clock +-1 h, 1970, past 2038, skewed, jumping"
units="1 all all"

# OFFSET SKEW JUMP in seconds.
setup() {
    whole_run
    cat >list.txt <<'END'
3600 0 0
-3600 0 0
0 0 3600
0 0 -3600
0 0 -1000000000
0 7200 0
0 -86400 0
-1700000000 0 0
500000000 0 0
500000000 31536000 -600000000
0 1 1
3600 -3600 86400
2000000000 0 0
0 0 500000000
END
    echo $(($(date -d 1970-01-01T00:00:01Z +%s) - $(date +%s) + 100)) 0 0 >>list.txt
    echo $(($(date -d 2038-01-19T03:14:00Z +%s) - $(date +%s))) 0 0 >>list.txt
}

unit() {
    local run=clock$1 offset skew jump year last
    read -r offset skew jump <<<"$2"
    year=$(date -u -d "@$(($(date +%s) + offset + jump))" +%Y)
    TZ=$([ $(($1 % 2)) = 0 ] && echo Europe/Berlin || echo America/St_Johns) \
        around "clock:$offset:$skew:$jump" dist 2 "$run.log" "${settings[@]}" --output "$run" \
        --set checkpoint.minutes=30 --set checkpoint.max_time=60 --set watchdog.step=60 --set watchdog.checkpoint=60
    expect 0 "$2"
    last=$(grep -m 1 code=RESULT "$run.log") # of rank 0, after the jump
    check "the clock says ${last%%T*}" test "${last%%-*}" = "$year"
    check "the checkpoints differ" test "$(saves "$run.log" 99)" = "$(saves whole.log 99)"
    same_rows whole "$run"
    same_state whole "$run"
    no_leftovers "$run"
    case_is good "offset $offset s, skew $skew s, jump $jump s: the year is ${last%%-*}"
    rm -rf "$run" "$run.log"
}
