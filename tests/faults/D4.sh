# Signals to one rank: many of them, or at critical moments.
# shellcheck shell=bash disable=SC2034,SC2154
title="signals to one rank, many, twice, in fsync, in a handler"
units="8 96 500"

setup() { whole_run; }

names=(USR1 TERM INT HUP)
kinds=(one storm twice impatient hangup fsync handler save)

# A hundred signals in about a second. SIGTERM and SIGINT come together, because a second one of them more
# than a second later ends the job at once.
storm() {
    local t
    send TERM "$@"
    kill -INT "$@" 2>/dev/null || true
    for ((t = 0; t < 50; t++)); do
        kill -USR1 "$@" 2>/dev/null || true
        kill -USR2 "$@" 2>/dev/null || true
        sleep 0.01
    done
}

again() { # again SECONDS: SIGINT, and a second one after SECONDS
    send INT "${rank[@]}"
    sleep "$1"
    kill -INT "${rank[@]}" 2>/dev/null || true
}

unit() {
    local kind=${kinds[($1 - 1) % 8]} run=signal$1 action=delay phase=${phases[RANDOM % 10]} as=good n was text=
    case $kind in
    impatient) action=hang phase=commit as=old ;;
    fsync)
        n=$((RANDOM % 20 + 1))
        around "fsync:$n" begin "$run" 2
        held="rank ? in its fsync $n"
        sent=$(date +%s%N)
        ;;
    handler) around handler hold "$run" "$phase" ;;
    esac
    [ "$kind" = fsync ] || [ "$kind" = handler ] || hold "$run" "$phase"
    case $kind in
    one) text=${names[RANDOM % 4]} && send "$text" "${rank[RANDOM % 2]}" ;;
    storm) storm "${rank[@]}" ;;
    twice) again 0.01 ;;
    impatient) again 3 ;;
    hangup) send HUP "${rank[@]}" ;;
    handler) send $((RANDOM % 2 == 0 ? 10 : 15)) "${rank[@]}" ;;
    save) send USR2 "${rank[RANDOM % 2]}" ;;
    esac
    end_job "$run"
    was=$code
    case $kind in
    impatient) expect 130 "$run: ended at once" ;;
    save)
        expect 0 "$run: saves and continues"
        # During the last evaluation, the next checkpoint is that of the finished run.
        [ "$phase" = finish ] ||
            check "$run: saved once" test "$(saves "$run.log" 99)" -le $(($(saves whole.log 99) + 1))
        ;;
    *) stopped "$run" ;;
    esac
    case $kind in
    fsync) says "$run.log" "fault signal in fsync" ;;
    handler) says "$run.log" "fault signal in a handler" ;;
    esac
    resume_to_end "$run"
    case_is $as "$kind${text:+ $text}, $held: code $was after $took ms, resumed from step ${from:-none}"
    rm -rf "$run" "$run".log*
}
