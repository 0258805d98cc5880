# Output that is closed, full, or a pipe without a reader. mpirun started with closed output is not tried,
# because it may not return after its ranks have ended.
# shellcheck shell=bash disable=SC2034,SC2154
title="output full, closed or broken; no space for metrics"
units="3 all all"

setup() {
    whole_run || return 1
    cat >list.txt <<'END'
ranks >&- 2>&-
ranks <&- >&- 2>&-
ranks >/dev/full 2>/dev/full
ranks > >(:) 2>&1
ranks 2>&-
ranks >&-
launcher >/dev/full 2>&1
launcher | head -n 1
launcher 2>&1 | head -n 1
rows metrics.jsonl 1
rows metrics.jsonl 4
rows metrics.jsonl 15
rows rounds.csv 1
rows config.yaml 1
END
}

unit() {
    local where how
    read -r where how <<<"$2"
    rm -rf run run.log
    touch run.log
    code=0
    case $where in
    ranks)
        # shellcheck disable=SC2016
        wrapper=(bash -c 'exec '"$how"'; sleep 0.2; exec "$0" "$@"')
        dist 2 run.log "${settings[@]}" --output run
        wrapper=()
        ;;
    launcher)
        bash -c 'timeout -k 5 120 mpirun -n 2 "$0" "$@" '"$how" \
            "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output run </dev/null || code=$?
        ;;
    rows)
        shimmed "0 run/${how% *}|run/.${how% *} write enospc ${how#* } ever"
        dist 2 run.log "${settings[@]}" --output run
        wrapper=()
        check "nothing was struck" grep -q '^shim: enospc' run.log
        expect 74 "no space for metrics"
        says run.log "No space left"
        ;;
    esac
    failing=hang check "it hangs" test "$code" != 124
    if [ "$where" = ranks ] && [ "$code" != 74 ]; then expect 0 "it continues without output"; fi
    local first=$code
    # A launcher that fails on its own output may print anything; the run must be intact.
    if [ "$code" != 0 ] || [ ! -e run/summary.txt ]; then code=1; fi
    resume_to_end run
    case_is "$([ "$first" = 0 ] && echo good || echo refused)" "$where $how: code $first${from:+, resumed from step $from}"
}
