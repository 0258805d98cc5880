# The shared memory of the host, /dev/shm, is small, missing, read-only or full.
# shellcheck shell=bash disable=SC2034,SC2154
title="/dev/shm small, missing, read-only, filled in a run"
units="2 all all"

# Without the permission to mount, only the cases that need no mount.
setup() {
    whole_run
    printf '%s\n' missing nofile >list.txt
    if unshare -m mount -t tmpfs none /dev/shm; then
        printf '%s\n' "small 4k" "small 64k" "small 1m" "small 4m" readonly full "filled start.mesh" \
            "filled train.step" "filled train.fix" "filled ckpt.after_data" "filled train.end" >>list.txt
    fi
}

# A rank waits for two seconds at the point while the memory is filled.
filled() {
    export PWF_TEST_FAULT=$1:0:1:delay
    mpirun -n 3 "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output run &
    until grep -q '^fault delay' run.log || ! kill -0 $! 2>/dev/null; do sleep 0.01; done
    dd if=/dev/zero of=/dev/shm/fill bs=64k 2>/dev/null || true
    wait $!
}

unit() {
    local how value inside
    read -r how value <<<"$2"
    rm -rf run run.log
    case $how in
    missing) inside="export OMPI_MCA_btl_vader_backing_directory=$PWD/nowhere" ;;
    nofile) inside="touch file; export OMPI_MCA_btl_vader_backing_directory=$PWD/file" ;;
    small) inside="mount -t tmpfs -o size=$value none /dev/shm" ;;
    readonly) inside="mount -t tmpfs -o ro none /dev/shm" ;;
    full) inside="mount -t tmpfs -o size=16m none /dev/shm; ! dd if=/dev/zero of=/dev/shm/fill bs=64k" ;;
    filled) inside="mount -t tmpfs -o size=16m none /dev/shm" ;;
    esac
    case $how in
    missing | nofile) dist=(bash -c) ;;
    *) dist=(unshare -m env -u OMPI_MCA_btl_vader_backing_directory bash -c) ;;
    esac
    inside+=$'\n'"exec mpirun -n 3 \"$PWF_BIN_DIR/pwf_dist\" \"\$@\" --output run"
    if [ "$how" = filled ]; then
        inside=$(declare -p settings; declare -f filled; echo "${inside%%$'\n'*}"; echo "filled $value")
    fi
    code=0
    timeout -k 5 120 "${dist[@]}" "$inside" - "${settings[@]}" >run.log 2>&1 </dev/null || code=$?
    failing=crash check "code $code" test "$code" -lt 128
    case $code in 0) ;; 71) says run.log "cannot access a page of /dev/shm" ;; *) failing=code check "code $code" false ;; esac
    was=$code
    resume_to_end run
    case_is "$([ "$was" = 0 ] && echo good || echo refused)" "$2: $was"
}
