# The disk becomes full during a commit.
# shellcheck shell=bash disable=SC2034,SC2154
title="a full disk, a file size limit"
units="1 all all"

setup() {
    printf '%s\n' "pwrite limit 0" "pwrite limit 1" "async limit 0" "async limit 1" "mpiio limit 0" "mpiio limit 1" >list.txt
    mkdir -p small
    if mount -t tmpfs -o size=4m none small; then
        umount small
        # statfs reports the lack of space in advance, or not.
        printf '%s\n' "pwrite full none" "pwrite full eopnotsupp" "async full none" "async full eopnotsupp" "mpiio full none" "mpiio full eopnotsupp" >>list.txt
    else
        echo "cannot mount a small file system: only the limits are tried"
    fi
}

unit() {
    local writer what how
    read -r writer what how <<<"$2"
    if [ "$what" = full ]; then
        mount -t tmpfs -o size=4m none small
        at_end 'umount small'
        mkdir small/dir
        sweep now.log "$writer" full small/dir small "$how"
        sweep_cases "$writer" now.log
    else
        rm -rf dir && mkdir dir
        sweep now.log "$writer" limit dir "$how" none
        sweep_cases "$writer" now.log
    fi
    # Only MPI-IO may hang, which ends the sweep.
    check "$2: the sweep did not finish" test "$writer$code" = mpiio79 -o -n "$(grep '^done' now.log)"
    case_is good "$2: until there was space"
}
