# Kills of the launcher. Its ranks must notice; their shared memory is left over.
# shellcheck shell=bash disable=SC2034,SC2154
title="kill -9 of mpirun, and the next start at once"
units="1 20 100"

setup() { whole_run; }

unit() {
    local run=launcher$1 wait length leaked
    length=$(cat length.txt)
    wait=$((length / 4 + RANDOM % length * 3 / 4))
    launch "$run.log" 2 "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output "$run"
    sleep "$(seconds $wait)"
    kill_one 2
    leaked=$(find shm -type f | wc -l)
    resume_to_end "$run"
    case_is good "killed after $wait ms, $leaked shared-memory files left over: ${from:+resumed from step }${from:-it had finished}"
    rm -rf "$run" "$run".log*
}
