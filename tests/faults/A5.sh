# Kills of the launcher, whose ranks have to notice; their shared memory stays behind.
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
    take_up "$run"
    case_is good "killed after $wait ms, $leaked files of shared memory left: ${from:+went on from step }${from:-had ended}"
    rm -rf "$run" "$run".log*
}
