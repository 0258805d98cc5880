#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Kills one of two ranks at every named point of a pack, and makes writing fail. The output does not
# exist then, or is whole; and the next attempt, on another number of ranks, makes the same file
# and leaves nothing else.
set -u
rm -rf ./* ./.out.h5.part
bad=0
cases=0
export OMPI_MCA_odls_base_sigkill_timeout=0 # ranks that survive a kill are ended at once

fail() {
    echo "FAILED $*"
    tail -n 5 log
    bad=$((bad + 1))
}

pack() { # pack RANKS
    timeout -k 5 60 mpirun -n "$1" "$PWF_BIN_DIR/pwf" pack tree -o run/out.h5 >log 2>&1 </dev/null
}

one() { # one POINT RANK COUNT ACTION CODE
    local case="$4 at $1 of rank $2" code=0 expected=$5
    cases=$((cases + 1))
    rm -rf run && mkdir run
    PWF_TEST_FAULT="$1:$2:$3:$4" pack 2 || code=$?
    grep -q "fault $4 at $1" log || { fail "$case: the fault did not fire"; return; }
    [ "$code" -eq "$expected" ] || fail "$case: code $code instead of $expected"
    if [ -e run/out.h5 ]; then
        cmp -s whole.h5 run/out.h5 || fail "$case: the output is there, but not whole"
        return
    fi
    pack 3 || fail "$case: the next attempt fails"
    cmp whole.h5 run/out.h5 || fail "$case: the next attempt makes another file"
    [ "$(ls -A run)" = out.h5 ] || fail "$case: left behind: $(ls -A run)"
    if [ "$1" = pack.chunk_recorded ] || [ "$1" = pack.sealed ]; then
        grep -q 'of an earlier attempt were kept' log || fail "$case: nothing was kept"
    fi
}

"$PWF_BIN_DIR/../tests/synthetic_tree" tree 3 24 1 2
mkdir run
pack 1 || fail "a pack without a fault"
mv run/out.h5 whole.h5
PWF_TEST_FAULT="*:0:1:list" pack 1
mapfile -t points < <(sed -n 's/^fault point //p' log | sort -u)
rm -rf run
for point in "${points[@]}"; do
    case $point in
        pack.chunk*) one "$point" 1 2 kill 137 ;;
        *) one "$point" 0 1 kill 137 ;;
    esac
done
one pack.laid_out 0 1 eio 74
one pack.chunk_written 0 3 eio 74
echo "$cases faults: $bad bad"
[ "$bad" -eq 0 ] && [ "$cases" -ge 10 ] # eight points
