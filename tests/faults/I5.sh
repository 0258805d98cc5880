# Processes started in a bad environment.
# shellcheck shell=bash disable=SC2034,SC2154
title="closed descriptors, small limits, no HOME, umask, noexec"
units="3 all all"

setup() {
    whole_run
    printf '%s\n' closed "files 32" "files 24" "files 22" "files 20" "files 18" "stack 256" home nohome "umask 000" "umask 777" \
        "umask 077" locked >list.txt
    mkdir noexec
    if mount -t tmpfs -o noexec,size=64m none noexec; then
        umount noexec
        echo noexec >>list.txt
    fi
}

# through COMMANDS: starts two ranks that run COMMANDS first; sets $code
through() {
    echo "$1"$'\n'"exec \"$PWF_BIN_DIR/pwf_dist\" \"\$@\"" >start.sh
    code=0
    timeout -k 5 120 mpirun -n 2 bash start.sh "${settings[@]}" --output bad >bad.log 2>&1 </dev/null || code=$?
}

unit() {
    local how value
    read -r how value <<<"$2"
    rm -rf bad bad.log
    case $how in
    closed)
        code=0
        "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output bad 0<&- 1>&- 2>&- || code=$?
        check "messages were written into a file" test "$(grep -lr code= bad | wc -l)" = 0
        : >bad.log
        ;;
    files) through "ulimit -n $value" ;;
    stack) through "ulimit -s $value" ;;
    home) through "unset HOME" ;;
    nohome) through "export HOME=/nowhere" ;;
    umask) through "umask $value" ;;
    locked) through "ulimit -c 0; ulimit -l 0" ;;
    noexec)
        mount -t tmpfs -o noexec,size=64m none noexec
        at_end 'umount -l noexec'
        TMPDIR=$PWD/noexec through "true"
        ;;
    esac
    failing=crash check "$2: code $code" test "$code" -lt 128
    if [ "$code" = 0 ]; then
        same_rows whole bad
        same_state whole bad
        no_leftovers bad
        failing=wrong check "writable by others: $(find bad -perm /022)" test -z "$(find bad -perm /022)"
        case_is good "$2"
    else
        case $code in 69 | 71 | 73 | 77) ;; *) failing=code check "$2: code $code" false ;; esac
        failing=silent check "no reason given" grep -q 'level=error' bad.log
        case_is refused "$2: $code, $(sed -n 's/.*level=error.* msg="\(.*\)"/\1/p' bad.log | head -n 1 | cut -c 1-80)"
    fi
}
