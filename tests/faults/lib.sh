# Functions of the fault rows, in addition to tests/train/lib.sh. Sourced by tests/faults.sh.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
export PWF_TEST_PROGRAMS=$PWF_BIN_DIR/../tests
shim=$PWF_BIN_DIR/../tests/ckpt/libckpt_shim.so # see tests/ckpt/shim.h

# case_is good|refused|old|KIND "description": ends a case. If a check has failed since the last case, its
# kind is used instead: wrong (results), crash, hang, silent (no message), leftovers, code (a wrong exit
# code). KIND*COUNT means COUNT cases of one kind.
case_is() {
    echo "${fault:-$1} $2" >&3
    fault=''
}

# Checks that a run, whose processes have ended, left no partial files or locks.
no_leftovers() { # no_leftovers DIR
    failing=leftovers check "$1: left over: $(find "$1" -mindepth 1 -name '.*' -printf '%f ')" \
        test -z "$(find "$1" -mindepth 1 -name '.*')"
}

# seconds MILLISECONDS: in the format of sleep
seconds() { printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)); }

# launch LOG RANKS PROGRAM...: starts ranks in the background and sets $group, the process group. Then
# `processes` sets $launcher and rank[], as far as these processes exist.
launch() {
    local log=$1 ranks=$2
    shift 2
    : >"$log" # remove the output of an earlier job
    setsid timeout -k 5 120 mpirun --oversubscribe --bind-to none -n "$ranks" "$@" >"$log" 2>&1 </dev/null &
    group=$!
    at_end "kill -9 -- -$group 2>/dev/null || true"
}
processes() {
    launcher=$(pgrep -P "$group" || true)
    rank=()
    [ -z "$launcher" ] || mapfile -t rank < <(pgrep -P "$launcher" || true)
}

# kill_one WHO: kills a rank, the launcher (2), or all (3) and sets $victim and $code, the exit code of the
# job. Processes that survive it for a minute count as left over.
kill_one() {
    processes
    victim="a rank"
    [ "$1" != 2 ] || victim="the launcher"
    [ "$1" != 3 ] || victim="all"
    case $victim in
    "a rank") [ ${#rank[@]} = 0 ] || kill -9 "${rank[RANDOM % ${#rank[@]}]}" || true ;;
    "the launcher") kill -9 "${launcher:-$group}" || true ;;
    all) kill -9 -- -"$group" ${rank[@]+"${rank[@]}"} || true ;;
    esac 2>/dev/null
    code=0
    wait "$group" 2>/dev/null || code=$?
    local pid t
    for pid in ${rank[@]+"${rank[@]}"}; do
        for ((t = 0; t < 1200; t++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
        failing=leftovers check "process $pid outlives its job" test $t -lt 1200
    done
}

# Whole runs: tests/train/tiny.yaml with a checkpoint every second step, compared with `whole`, an
# uninterrupted run with the same settings in the folder of the row.
settings=(-c "$PWF_SOURCE_DIR/tests/train/tiny.yaml" --set checkpoint.every=2)
any_writing() {
    local ways=(true false)
    settings+=(--set "checkpoint.async=${ways[RANDOM % 2]}")
}
whole_run() { # for setup; writes its duration in milliseconds to length.txt
    local begun
    begun=$(date +%s%N)
    dist 2 whole.log "${settings[@]}" --output whole
    expect 0 "uninterrupted"
    test "$failures" = 0
    echo $((($(date +%s%N) - begun) / 1000000)) >length.txt
}

# The step of the newest checkpoint that a log reports, and the step that a log resumes from.
acknowledged() { sed -n 's/.*code=CKPT .*ckpt-0*\([0-9]*\)\.h5.*/\1/p' "$1" | tail -n 1; }
resumed() { sed -n 's/.*code=RESUME .*: step \([0-9]*\),.*/\1/p' "$1" | tail -n 1; }

# resume_to_end RUN: while $code is not 0, resumes on other meshes; then compares the run with `whole`. Sets
# $from, the step of the first resume.
resume_to_end() {
    local run=$1 lives=0 shards known now
    from=
    while [ "$code" != 0 ] && [ $lives -lt 4 ]; do
        known=$(acknowledged "$run.log")
        lives=$((lives + 1)) shards=$((RANDOM % 3 + 1))
        dist $((shards * (RANDOM % 2 + 1))) "$run.log" "${settings[@]}" --output "$run" --resume auto \
            --set parallel.shards=$shards --set checkpoint.stop_after=0 --set checkpoint.max_time=1e5
        now=$(resumed "$run.log")
        from=${from:-${now:-0}}
        check "$run: resumed from ${now:-nothing}, acknowledged was $known" test "${now:-0}" -ge "${known:-0}"
    done
    expect 0 "$run: resumed"
    same_rows whole "$run"
    same_state whole "$run"
    no_leftovers "$run"
}

# shimmed FAULT: dist preloads the shim with this fault until wrapper=()
shimmed() { wrapper=(env LD_PRELOAD="$shim" PWF_SHIM="$1"); }

# sweep LOG ARGUMENTS: runs ckpt_sweep on two ranks; sets $code
sweep() {
    local log=$1
    shift
    code=0
    timeout -k 5 300 mpirun -n 2 "$PWF_TEST_PROGRAMS/ckpt_sweep" "$@" >"$log" 2>"$log.err" </dev/null || code=$?
}

# sweep_calls WRITER call|load CALL KIND OFTEN: strikes every call from the first of rank 0 to the last of
# rank 1. After a hang or a crash the sweep continues with the next call; the last case finds no call left.
sweep_calls() {
    local writer=$1 what=$2 who=0 n=1 lives last
    for ((lives = 0; lives < 200; lives++)); do
        rm -rf dir && mkdir dir
        sweep now.log "$writer" "$what" dir "$3" "$4" "$5" "$who" "$n"
        sweep_cases "$writer" now.log strict
        last=$(grep '^case' now.log | tail -n 1)
        if grep -q '^done' now.log || [ -z "$last" ]; then break; fi
        who=$(echo "$last" | cut -d ' ' -f 5)
        n=$(($(echo "$last" | cut -d ' ' -f 6) + 1))
    done
    check "$*: the sweep did not finish" grep -q '^done' now.log
    case_is good "$*: to the last call"
}

# sweep_cases WRITER LOG [strict]: turns the lines of a log into cases. MPI-IO may hang (in a run the
# watchdog ends it); then the previous checkpoint must load. Strict: conditions that are no errors must not
# cost the checkpoint.
sweep_cases() {
    local writer=$1 call kind often where n outcome rest
    while read -r _ call kind often where n outcome rest; do
        case $outcome in
        good | named) outcome=good ;;
        refused | old) ;;
        HANG)
            outcome=hang
            if [ "$writer" = mpiio ] && mpirun -n 1 "$PWF_TEST_PROGRAMS/ckpt_program" 1 load dir; then
                outcome=old rest="hung in MPI-IO and was killed; the previous checkpoint loads"
            fi
            ;;
        SILENT | LOST) outcome=wrong ;;
        LEFT) outcome=leftovers ;;
        CODE) outcome=code ;;
        *) outcome=crash ;;
        esac
        case ${3:-}.${writer/async/pwrite}.$kind.$outcome in
        strict.pwrite.short.refused | strict.pwrite.eintr.refused | strict.pwrite.eopnotsupp.refused)
            outcome=code rest="given up: $rest"
            ;;
        esac
        case_is "$outcome" "$writer: $call $kind $often, rank $where, $n${rest:+: $rest}"
    done < <(grep '^case' "$2")
    [ "$code" = 0 ] || [ "$code" = 79 ] || case_is crash "$writer: ckpt_sweep ended with $code"
}

# program_cases COMMAND...: each line that COMMAND prints is a case: KIND text, or KIND*COUNT text
program_cases() {
    code=0
    timeout -k 5 300 "$@" >cases.now || code=$?
    cat cases.now >&3
    failing=crash check "$* ended with $code" test "$code" = 0
    [ -z "$fault" ] || case_is good "$*"
}

# damage FILE: damages it in a random way; sets $how
damage() {
    local size at byte
    size=$(stat -c %s "$1")
    at=$((RANDOM * 32768 % size))
    case $((RANDOM % 5)) in
    0)
        how="a byte changed at $at"
        byte=$(od -An -tu1 -j $at -N 1 "$1")
        printf '%b' "\\x$(printf %02x $((255 - byte)))" | dd of="$1" bs=1 seek=$at conv=notrunc status=none
        ;;
    1) how="cut off at $at" && truncate -s $at "$1" ;;
    2) how="empty" && : >"$1" ;;
    3) how="a page of zeros at 4096" && dd if=/dev/zero of="$1" bs=4096 seek=1 count=1 conv=notrunc status=none ;;
    *) how="another file" && head -c "$size" "$PWF_BIN_DIR/pwf" >"$1.new" && mv "$1.new" "$1" ;;
    esac
    : "$how"
}

# Jobs under signals. begin RUN RANKS OPTIONS...: starts a run with the settings above in the background,
# output to RUN.log; await RUN TEXT: waits until RUN.log contains TEXT or the job has ended.
begin() {
    local run=$1 ranks=$2
    shift 2
    launch "$run.log" "$ranks" "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output "$run" "$@"
}
await() { until grep -q -- "$2" "$1.log" || ! kill -0 "$group" 2>/dev/null; do sleep 0.01; done; }

# Runs COMMAND with tests/faults/around.c preloaded into the ranks.
around() { # around WHAT COMMAND...
    PWF_TEST_AROUND=$1 LD_PRELOAD=$PWF_TEST_PROGRAMS/libaround.so \
        ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" "${@:2}"
}

# send SIGNAL PROCESS...: sets $sent, the time. The job may have ended before.
send() {
    sent=$(date +%s%N)
    kill -"$1" "${@:2}" 2>/dev/null || true
}

# end_job RUN: waits for the job; sets $code and $took, the milliseconds since `send`. A signal may kill an
# mpirun whose job has already ended; then the code in the log counts.
end_job() {
    local said
    code=0
    wait "$group" 2>/dev/null || code=$?
    took=$((($(date +%s%N) - ${sent:-0}) / 1000000))
    said=$(sed -n 's/.*result=[a-z]* code=\([0-9]*\) .*/\1/p' "$1.log")
    case $code in 129 | 138 | 140) code=${said:-$code} ;; esac
}

# settle RUN: waits until the run directory is unlocked. mpirun may end shortly before its ranks.
settle() {
    local t
    for ((t = 0; t < 1200; t++)); do
        [ -e "$1/.pwf.lock" ] || return 0
        ! flock -n "$1/.pwf.lock" true || return 0
        sleep 0.05
    done
    failing=leftovers check "$1: still in use a minute after its job" false
}

# patience SECONDS KEY...: sets limits of the watchdog for the next jobs; 0: the limits of the settings
patience() {
    local which
    for which in "${@:2}"; do
        if [ "$1" = 0 ]; then unset "PWF_WATCHDOG_${which^^}"; else export "PWF_WATCHDOG_${which^^}=$1"; fi
    done
}

# The phases of a job. place PHASE: chooses the fault point, rank and count: $point, $on, $times.
phases=(init load step reduce fix evaluate write commit prune finish)
place() {
    on=$((RANDOM % 2)) times=1
    case $1 in
    launch) point=start.init ;;
    init) point=start.mesh ;;
    load) point=train.load ;;
    step) point=train.step times=$((RANDOM % 18 + 2)) ;;
    reduce) point=train.reduce times=$((RANDOM % 18 + 2)) ;;
    fix) point=train.fix times=$((RANDOM % 2 + 1)) ;;
    evaluate) point=train.evaluate times=$((RANDOM % 3 + 1)) ;;
    write) point=ckpt.after_data times=$((RANDOM % 12 + 1)) ;;
    commit) point=ckpt.before_rename times=$((RANDOM % 12 + 1)) ;;
    prune) point=ckpt.prune_trashed on=0 times=$((RANDOM % 6 + 1)) ;;
    finish) point=train.end ;;
    esac
}

# hold RUN PHASE: starts a job of two ranks and returns when one of them waits in the phase: until a signal
# comes, for at most six seconds. Sets $held, a description.
hold() {
    local run=$1 phase=$2 point on times more=()
    place "$phase"
    if [ "$phase" = load ]; then
        dist 2 "$run.log" "${settings[@]}" --output "$run" --set checkpoint.stop_after=$((RANDOM % 18 + 1))
        expect 75 "$run: a checkpoint to load"
        more=(--resume auto --set checkpoint.stop_after=0)
    fi
    held="$phase ($point, rank $on, time $times)"
    PWF_TEST_FAULT=$point:$on:$times:${action:-delay}:6 begin "$run" 2 ${more[@]+"${more[@]}"}
    await "$run" "^fault ${action:-delay} at"
    check "$run: $held was not reached" grep -q "^fault ${action:-delay} at $point" "$run.log"
    processes
}

# stopped RUN: checks that it reported one stop, has a checkpoint of that step, and wrote it once.
stopped() {
    local step last mine
    expect 75 "$1: stopped"
    check "$1: one message STOPPED" test "$(grep -c code=STOPPED "$1.log")" = 1
    read -r step last <<<"$(sed -n 's/.*result=stopped code=75 steps=\([0-9]*\) .*last_ckpt=\(.*\)"$/\1 \2/p' "$1.log")"
    check "$1: stopped at step ${step:-?} with ${last:-none}" test -e "$(printf '%s/ckpt-%010d.h5' "$1" "${step:-0}")"
    # A round begins and ends at the same step, but has messages between its checkpoints.
    check "$1: saved twice at the same position" test -z "$(awk '/ level=/ {
        now = / code=CKPT / ? substr($0, index($0, "msg=")) : ""; sub(/,.*/, "", now)
        if (now != "" && now == last) print; last = now }' "$1.log")"
    mine=$(saves "$1.log" "${step:-0}")
    check "$1: $mine checkpoints up to step ${step:-0}" test "$mine" -le $(($(saves whole.log "${step:-0}") + 1))
}
saves() { sed -n 's/.*code=CKPT .*ckpt-0*\([0-9][0-9]*\)\.h5.*/\1/p' "$1" | awk -v most="$2" '$1 <= most' | wc -l; }
