# A machine crash: the states that a disk may be in afterwards, derived from a log of the system calls of
# commits and prunes. A unit is a log and 60 states (quick tier) or 500.
# shellcheck shell=bash disable=SC2034,SC2154
title="a machine crash: states that a disk may be in"
units="1 6 40"

unit() {
    local writers=(pwrite mpiio async) count=500 writer
    writer=${writers[($1 - 1) % 3]}
    [ "$tier" != quick ] || count=60
    rm -rf dir dir-after dir.old* events.* && mkdir dir
    program_cases mpirun -n $((RANDOM % 2 + 1)) "$PWF_TEST_PROGRAMS/ckpt_crash" "$writer" dir "$RANDOM" $count
}
