# Kills during the commit of a checkpoint, repeatedly in one directory.
# shellcheck shell=bash disable=SC2034,SC2154
title="kill -9 while a checkpoint is written"
units="1 300 1000"

# Each process loads the newest checkpoint, which must hold the exact state of its step, and writes more.
# Open MPI cannot start while another mpirun of this host that was killed is cleaning up.
life() { # life RANKS SHARDS COUNT
    local t
    for ((t = 0; t < 5; t++)); do
        launch now.log "$1" "$PWF_TEST_PROGRAMS/ckpt_program" "$2" again run "$3" "$writer"
        until grep -q '^loaded' now.log || ! kill -0 "$group" 2>/dev/null; do sleep 0.005; done
        grep -q 'orte_init failed' now.log || break
        wait "$group" || true
    done
}

whom=(0 0 0 0 0 3 3 3 3 2) # ranks that lose their launcher live on for seconds

unit() {
    local ranks wait i known=1 loaded writer=pwrite
    case $((RANDOM % 6)) in 0) writer=mpiio ;; [12]) writer=async ;; esac
    rm -rf run && mkdir run
    "$PWF_TEST_PROGRAMS/ckpt_program" 1 write run 1 1 $writer
    for ((i = 1; i <= 10; i++)); do
        ranks=$((RANDOM % 3 + 1)) wait=$((RANDOM % 200))
        life $ranks $((RANDOM % ranks == 0 ? ranks : 1)) 1000
        sleep "$(seconds $wait)"
        kill_one "${whom[RANDOM % 10]}"
        loaded=$(sed -n 's/^loaded \([0-9]*\) .*/\1/p' now.log)
        check "loaded step ${loaded:-none}, but step $known was on disk" test "${loaded:-0}" -ge "$known"
        [ -z "$fault" ] || cat now.log
        known=$(sed -n 's/^committed //p' now.log | tail -n 1)
        known=${known:-$loaded}
        case_is good "$writer, $victim of $ranks ranks killed $wait ms after loading step ${loaded:-none}; wrote up to step ${known:=1}"
    done
    # The last process is not killed and must leave no partial files.
    life 1 1 1
    code=0
    wait "$group" || code=$?
    expect 0 "the process that is not killed"
    no_leftovers run
    check "step $known is on disk" test "$(sed -n 's/^loaded \([0-9]*\) .*/\1/p' now.log)" -ge "$known"
    case_is good "$writer, ten kills, then one process that is not killed"
}
