# The whole process group is killed; again while the next job loads a checkpoint, perhaps an older one
# because the newest is damaged; and once more.
# shellcheck shell=bash disable=SC2034,SC2154
title="kill -9 of all; again while loading or falling back"
units="1 40 150"

setup() { whole_run; }

unit() {
    local run=group$1 wait length again newest damaged='' file
    length=$(cat length.txt)
    wait=$((length / 2 + RANDOM % length / 2))
    launch "$run.log" 2 "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output "$run"
    sleep "$(seconds $wait)"
    kill_one 3
    newest=$(newest "$run" 2>/dev/null || true)
    # One good checkpoint must remain.
    if [ "$(find "$run" -name 'ckpt-*.h5' 2>/dev/null | wc -l)" -ge 2 ] && [ $((RANDOM % 2)) = 1 ]; then
        for file in "$run"/round-*.h5; do # hard links to the same files
            [ ! "$file" -ef "$newest" ] || rm "$file"
        done
        damage "$newest"
        damaged=", the newest damaged ($how)"
        : >"$run.log" # the acknowledged checkpoint is gone
    fi
    if [ "$code" != 0 ]; then
        again=$((RANDOM % 600 + 100))
        launch "$run.log.2" 2 "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output "$run" --resume auto
        sleep "$(seconds $again)"
        kill_one 3
        cat "$run.log.2" >>"$run.log"
    fi
    resume_to_end "$run"
    case_is good "killed after $wait ms$damaged, again after ${again:-no} ms: ${from:+resumed from step }${from:-it had finished}"
    rm -rf "$run" "$run".log*
}
