# Functions shared by the scripts of this folder. Sourced.
# shellcheck shell=bash
set -euo pipefail
failures=0
checks=0

# Command through which each rank of dist is started, if any.
wrapper=()

# dist RANKS LOG OPTIONS...: runs pwf_dist, output to LOG, and leaves its exit code in $code.
dist() {
    local ranks=$1 log=$2
    shift 2
    code=0
    timeout -k 5 300 mpirun --oversubscribe --bind-to none -n "$ranks" \
        ${wrapper[@]+"${wrapper[@]}"} "$PWF_BIN_DIR/pwf_dist" "$@" >"$log" 2>&1 </dev/null || code=$?
}

# tool RANKS LOG COMMAND...: runs pwf, on one rank without mpirun; its output to LOG, its messages to
# LOG.err, its exit code in $code.
tool() {
    local ranks=$1 log=$2 launch=()
    shift 2
    code=0
    if [ "$ranks" != 1 ]; then launch=(mpirun --oversubscribe --bind-to none -n "$ranks"); fi
    timeout -k 5 120 "${launch[@]}" "$PWF_BIN_DIR/pwf" "$@" >"$log" 2>"$log.err" </dev/null || code=$?
}

# at_end COMMAND: runs it when the script or subshell ends; the last one given runs first.
at_end() {
    at_end_all="$1; ${at_end_all:-}"
    # shellcheck disable=SC2064
    trap "$at_end_all" EXIT
}

# start RUN TEXT OPTIONS...: starts a job of two ranks in the background, output to RUN.log, and returns
# when that has TEXT or the job has ended, however long a busy machine takes. $group is its process
# group, which does not outlive the script.
start() {
    local run=$1 text=$2
    shift 2
    : >"$run.log" # what an earlier job said is not mistaken for this one's
    setsid timeout -k 5 300 mpirun --oversubscribe --bind-to none -n 2 "$PWF_BIN_DIR/pwf_dist" "$@" \
        --output "$run" >"$run.log" 2>&1 </dev/null &
    group=$!
    at_end "kill -9 -- -$group 2>/dev/null || true"
    until grep -q -- "$text" "$run.log" 2>/dev/null || ! kill -0 $group 2>/dev/null; do sleep 0.02; done
}

# The kind of the first check that failed, for the fault rows.
fault=''

check() { # [failing=KIND] check "what" command...
    checks=$((checks + 1))
    if "${@:2}"; then return; fi
    echo "FAILED: $1"
    failures=$((failures + 1))
    : "${fault:=${failing:-wrong}}"
}

expect() { # expect CODE "what": the code of the last dist
    local failing=code
    case $code in 124) failing=hang ;; 132 | 134 | 135 | 136 | 139) failing=crash ;; esac
    check "$2: exit code $code instead of $1" test "$code" = "$1"
    if [ "$code" != "$1" ]; then tail -n 15 ./*.log | tail -n 40; fi
}

says() { # says LOG "text"
    failing=silent check "$1 does not say: $2" grep -qF -- "$2" "$1"
}

# The rows of a metrics file without the members that depend on time.
rows() {
    grep -vE '"kind": "(memory|checkpoint)"' "$1" |
        sed -E 's/"(seconds|round_seconds|extra_bytes|[a-z_]*_per_second|[a-z_]*_share)": [^,}]*//g'
}

same_rows() { # same_rows DIR DIR
    check "metrics of $1 and $2 differ" cmp -s <(rows "$1/metrics.jsonl") <(rows "$2/metrics.jsonl")
    check "rounds.csv of $1 and $2 differ" cmp -s "$1/rounds.csv" "$2/rounds.csv"
}

newest() { find "$1" -maxdepth 1 -name 'ckpt-*.h5' | sort | tail -n 1; }

same_state() { # same_state DIR DIR: every dataset outside /run
    check "final checkpoints of $1 and $2 differ" \
        h5diff --exclude-path /run "$(newest "$1")" "$(newest "$2")"
    check "models of $1 and $2 differ" h5diff --exclude-path /run "$1/model.h5" "$2/model.h5"
}

finish() {
    echo "$((checks - failures)) passed, $failures failed"
    test "$failures" = 0
}
