# Random faults of all kinds hit one run until it has finished.
# shellcheck shell=bash disable=SC2034,SC2154
title="chaos: random faults of all kinds, one after the other"
units="1 20 400"

setup() { whole_run; }

# The faults, in about the order of the rows.
kinds=(kill kill point point eio stop usr1 term ranks damage part lock clock memory second nothing)

# meet RUN KIND: starts the run with this fault; sets $code
meet() {
    local run=$1 kind=$2 shards=$((RANDOM % 3 + 1)) wait points file how
    local options=(--resume auto --set "parallel.shards=$shards")
    local ranks=$((shards * (RANDOM % 2 + 1)))
    points=(train.begin train.step train.reduce train.fix train.evaluate train.end ckpt.after_create ckpt.after_data
        ckpt.after_fsync ckpt.before_rename ckpt.after_rename ckpt.prune_begin)
    case $kind in
    point | eio | stop) export PWF_TEST_FAULT="${points[RANDOM % ${#points[@]}]}:$((RANDOM % ranks)):$((RANDOM % 3 + 1)):kill" ;;
    esac
    case $kind in
    eio) PWF_TEST_FAULT="${points[RANDOM % 5 + 6]}:$((RANDOM % ranks)):$((RANDOM % 6 + 1)):eio" ;;
    stop) PWF_TEST_FAULT="${PWF_TEST_FAULT%:*}:stop" ;;
    damage)
        # One of two or more checkpoints, so that a good one remains.
        file=$(newest "$run")
        if [ "$(find "$run" -name 'ckpt-*.h5' 2>/dev/null | wc -l)" -gt 1 ]; then damage "$file"; fi
        ;;
    part) if [ -d "$run" ]; then head -c 5000 /dev/urandom >"$run/.ckpt-0000000004.h5.part.x"; fi ;;
    lock)
        mkdir -p "$run"
        echo "pwf-lock job=1 restart=0 host=$(hostname) boot=1-2 process=1 start=2026-01-02T03:04:05.678Z" >"$run/.pwf.lock"
        ;;
    clock) export PWF_TEST_AROUND="clock:$((RANDOM * 70000 - 1000000000)):$RANDOM:$((RANDOM - 16384))" ;;
    memory) export OMPI_MCA_btl_vader_backing_directory=/nowhere ;;
    esac
    if [ -v PWF_TEST_AROUND ]; then
        around "$PWF_TEST_AROUND" begin "$run" $ranks "${options[@]}"
    else
        begin "$run" $ranks "${options[@]}"
    fi
    wait=$((RANDOM % $(cat length.txt)))
    case $kind in
    kill)
        sleep "$(seconds $wait)"
        kill_one $((RANDOM % 4))
        return
        ;;
    stop) # The stopped rank is killed by the test.
        await "$run" "^fault stop at"
        sleep 0.2
        kill_one 3
        return
        ;;
    usr1 | term | ranks)
        sleep "$(seconds $wait)"
        processes
        case $kind in
        usr1) send USR1 "${launcher:-$group}" ;;
        term) send TERM "${launcher:-$group}" ;;
        ranks) send TERM ${rank[@]+"${rank[@]}"} ;;
        esac
        ;;
    second)
        await "$run" code=PROGRESS
        dist 1 second.log "${settings[@]}" --output "$run" --resume auto --set checkpoint.stop_after=1
        case $code in 73 | 75 | 0) ;; *) failing=code check "code $code of a second job" false ;; esac
        ;;
    esac
    end_job "$run"
}

unit() {
    local run=chaos$1 lives=0 kind met=() known now begun=$SECONDS
    code=1
    known=0
    while [ "$code" != 0 ] && [ $lives -lt 12 ]; do
        lives=$((lives + 1)) kind=${kinds[RANDOM % ${#kinds[@]}]}
        [ "$kind" != damage ] || known=0 # the newest checkpoint was damaged on purpose
        meet "$run" "$kind"
        unset PWF_TEST_FAULT PWF_TEST_AROUND OMPI_MCA_btl_vader_backing_directory
        met+=("$kind:$code")
        now=$(resumed "$run.log")
        check "resumed from ${now:-nothing}, acknowledged was $known (${met[*]})" test "${now:-$known}" -ge "$known"
        now=$(acknowledged "$run.log")
        known=${now:-$known}
        case $code in
        0 | 1 | 74 | 75 | 137 | 138 | 143) ;;
        *) failing=code check "code $code (${met[*]})" false ;;
        esac
    done
    [ "$code" = 0 ] || code=137
    resume_to_end "$run"
    # After a failed write, a file may be missing or left over.
    [[ " ${met[*]}" = *" eio"* ]] || failing=leftovers check "the files differ from those of an uninterrupted run" \
        cmp <(cd whole && find . | sort) <(cd "$run" && find . | sort)
    case_is good "$lives starts in $((SECONDS - begun)) s: ${met[*]}"
    rm -rf "$run" "$run".log* second.log
}
