# Damaged checkpoints in a run directory: the newest good one is used; a run never silently starts afresh.
# shellcheck shell=bash disable=SC2034,SC2154
title="the newest checkpoints damaged, or all of them"
units="3 all all"

# The number of damaged checkpoints, newest first, of three. The kind of damage depends on the seed.
setup() {
    local times
    whole_run
    for times in {1..8}; do printf '%s\n' 1 2 3; done >list.txt
}

unit() {
    local bad=$2 n good names=()
    rm -rf run before run.log
    cp -r whole run
    rm run/round-*.h5
    mapfile -t names < <(cd run && printf '%s\n' ckpt-*.h5 | sort -r)
    check "three checkpoints to begin with" test ${#names[@]} = 3
    said=
    for ((n = 0; n < bad; n++)); do
        damage "run/${names[n]}"
        said="$said, $how"
    done
    cp -r run before
    dist $((RANDOM % 2 + 1)) run.log --resume auto --output run
    for ((n = 0; n < bad; n++)); do
        failing=silent check "no reason for ${names[n]}" \
            grep -q "level=warn code=CKPT_BAD .*${names[n]}" run.log
    done
    if [ "$bad" = 3 ]; then
        expect 65 "all are damaged"
        says run.log "none of the 3 checkpoints in run is good"
        rm -f run/.pwf.lock
        check "a run without a checkpoint changed the directory" diff -r before run
        case_is refused "all three${said}"
    else
        expect 0 "$bad of three are damaged"
        says run.log "resuming from run/${names[bad]}"
        same_rows whole run
        same_state whole run
        case_is old "the newest $bad of three${said}"
    fi
}
