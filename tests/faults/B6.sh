# Directories that cannot be used, at the start or from the middle of a run.
# shellcheck shell=bash disable=SC2034,SC2154
title="a directory that is gone, full of names, forbidden"
units="2 all all"

setup() {
    whole_run || return 1
    cat >list.txt <<'END'
start file 73
start under-file 73
start long-name 64
start read-only 73
start no-inodes 73
start forbidden 77
middle gone 74
middle file 74
middle erofs 74
middle no-inodes 74
middle forbidden 74
END
    # The ranks run as user nobody: a script named mpirun starts the real one.
    mkdir nobody as-nobody
    chown 65534:65534 nobody
    {
        echo '#!/bin/bash'
        echo "cd $PWD/nobody && HOME=\$PWD TMPDIR=\$PWD OMPI_MCA_btl_vader_backing_directory=\$PWD exec \\"
        echo "    setpriv --reuid=65534 --regid=65534 --clear-groups $(command -v mpirun) \"\$@\""
    } >as-nobody/mpirun
    chmod 755 . as-nobody/mpirun
}

# Whether another user can execute the program.
nobody_can() { (cd nobody && setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$PWF_BIN_DIR/pwf_dist"); }

# The run in "$1" does what $2 says; after the seventh step, the command $3 is applied to it.
middle() {
    local log=$PWD/run.log
    launch "$log" 2 env PWF_TEST_FAULT=train.step:0:7:delay "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output "$1"
    until grep -q '^fault delay' "$log" || ! kill -0 "$group" 2>/dev/null; do sleep 0.05; done
    eval "$2"
    code=0
    wait "$group" || code=$?
}

unit() {
    local when what want dir=run first
    read -r when what want <<<"$2"
    umount small 2>/dev/null || true
    rm -rf run nobody/run run.log small && mkdir small
    at_end 'umount small 2>/dev/null || true'
    case $what in
    forbidden)
        if ! nobody_can; then
            case_is refused "$when $what: skipped, another user cannot execute the program"
            return
        fi
        dir=$PWD/nobody/run
        ;;
    read-only | no-inodes)
        dir=small/run
        if ! mount -t tmpfs -o size=20m,nr_inodes=60 none small; then
            case_is refused "$when $what: skipped, cannot mount a small file system"
            return
        fi
        ;;
    esac
    case $when.$what in
    start.file) : >run ;;
    start.under-file) : >run && dir=run/run ;;
    start.long-name) dir=$(printf 'x%.0s' {1..300}) ;;
    start.read-only) mount -o remount,ro small ;;
    start.no-inodes) fill ;;
    start.forbidden) mkdir nobody/run && chmod 000 nobody/run && chown 65534:65534 nobody/run ;;
    middle.gone) middle run 'rm -rf run' ;;
    middle.file) middle run 'mv run aside && : >run' ;;
    middle.no-inodes) middle small/run fill ;;
    middle.forbidden) PATH=$PWD/as-nobody:$PATH middle "$dir" 'chmod 000 nobody/run' ;;
    middle.erofs)
        shimmed "0 run/ckpt-|run/.ckpt- name erofs 12 ever"
        dist 2 run.log "${settings[@]}" --output run
        wrapper=()
        ;;
    esac
    if [ "$when" = start ]; then
        if [ "$what" = forbidden ]; then
            PATH=$PWD/as-nobody:$PATH dist 2 "$PWD/run.log" "${settings[@]}" --output "$dir"
        else
            dist 2 run.log "${settings[@]}" --output "$dir"
        fi
        expect "$want" "$when $what"
        failing=silent check "no message" grep -q "level=error" run.log
        case_is refused "$when $what: code $code"
        return
    fi
    expect "$want" "$when $what"
    first=$code
    check "a warning for each of two" test "$(grep -c 'rank=0 .*code=CKPT_FAILED\|code=CKPT_FAILED rank=0' run.log)" -ge 2
    case $what in
    gone | file) rm -rf run && { [ ! -e aside ] || mv aside run; } ;;
    no-inodes) rm -f small/filler.* ;;
    forbidden) chmod 755 nobody/run && chown -R 0:0 nobody/run ;;
    esac
    : >"$dir.log"
    resume_to_end "$dir"
    case_is refused "$when $what: code $first, resumed from step $from"
}

# No space for another directory entry.
fill() {
    local i=0
    while : >"small/filler.$i"; do i=$((i + 1)); done 2>/dev/null
}
