#!/usr/bin/env bash
# Kills and failing writes in whole runs: whatever dies, and whenever, the run taken up again on another
# mesh ends with the files and the bits of an uninterrupted one, and nothing that was acknowledged is
# lost. One line per case. Usage: kill.sh [SEED [KILLS AT RANDOM TIMES [FAULT POINTS, or all]]]
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
seed=${1:-1} kills=${2:-3} points=${3:-6}
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
settings=(-c "$tiny" --set checkpoint.every=2)
RANDOM=$seed

# Ranks that survive a kill are ended at once; what a killed launcher leaves stays in this folder.
mkdir shm
export OMPI_MCA_odls_base_sigkill_timeout=0 OMPI_MCA_btl_vader_backing_directory=$PWD/shm

# Names of all files of a run; after a failed write older checkpoints may stay longer.
names() { find "$1" -mindepth 1 -printf '%f\n' | sort; }

# The step of the newest checkpoint that a log acknowledges, and the one a log says it goes on from.
acknowledged() { sed -n 's/.*code=CKPT .*ckpt-0*\([0-9]*\)\.h5.*/\1/p' "$1" | tail -n 1; }
resumed() { sed -n 's/.*code=RESUME .*: step \([0-9]*\),.*/\1/p' "$1" | tail -n 1; }

# take_up RUN: resumes on other meshes until the run is finished, and holds it against the whole one.
take_up() {
    local run=$1 shards lives=0
    local known from
    while [ "$code" != 0 ] && [ $lives -lt 4 ]; do
        known=$(acknowledged "$run.log")
        lives=$((lives + 1))
        shards=$((RANDOM % 3 + 1))
        dist $((shards * (RANDOM % 2 + 1))) "$run.log" "${settings[@]}" --output "$run" \
            --resume auto --set parallel.shards=$shards
        from=$(resumed "$run.log")
        check "$run: went on from ${from:-nothing}, acknowledged was $known" \
            test "${from:-0}" -ge "${known:-0}"
    done
    expect 0 "$run: resumed"
    same_rows whole "$run"
    same_state whole "$run"
}

same_names() { check "$run: other files: $(diff <(names whole) <(names "$1"))" cmp -s <(names whole) <(names "$1"); }

# ---- a run to compare with, and how long it takes
begun=$(date +%s%N)
dist 2 whole.log "${settings[@]}" --output whole
expect 0 "uninterrupted"
length=$((($(date +%s%N) - begun) / 1000000))

# ---- kills at random times
for ((i = 1; i <= kills; i++)); do
    run=kill$i ranks=$((RANDOM % 2 + 2)) who=$((RANDOM % 4)) wait=$((RANDOM % length)) code=137
    setsid timeout -k 5 120 mpirun --oversubscribe --bind-to none -n $ranks \
        "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output $run >$run.log 2>&1 </dev/null &
    group=$!
    sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
    launcher=$(pgrep -P $group || true)
    mapfile -t rank < <([ -z "$launcher" ] || pgrep -P "$launcher")
    victim="a rank"
    [ $who != 2 ] || victim="the launcher"
    [ $who != 3 ] || victim="all"
    case $victim in
    "a rank") [ ${#rank[@]} = 0 ] || kill -9 "${rank[RANDOM % ${#rank[@]}]}" 2>/dev/null || true ;;
    "the launcher") kill -9 "${launcher:-$group}" 2>/dev/null || true ;;
    all) kill -9 -- -$group ${rank[@]+"${rank[@]}"} 2>/dev/null || true ;;
    esac
    wait $group 2>/dev/null && code=0
    for pid in ${rank[@]+"${rank[@]}"}; do
        for ((t = 0; t < 100; t++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    done
    was=$failures
    take_up $run
    same_names $run
    echo "seed $seed, kill $i: $victim of $ranks ranks after $wait ms of $length:" \
        "$([ $failures = $was ] && echo good || echo BAD)"
    [ $failures != $was ] || rm -rf $run
done

# ---- every named point, killed or made to fail once
for rank in 0 1; do
    PWF_TEST_FAULT="*:$rank:1:list" dist 2 "list$rank.log" "${settings[@]}" --output list$rank
    sed -n 's/^fault point //p' "list$rank.log" | sort | uniq -c | sed "s/\$/ $rank/"
    rm -rf list$rank
done >points.txt
# Only the points of a file can fail; at the others the ranks would part company.
actions() { case $1 in ckpt.*) echo kill eio ;; *) echo kill ;; esac; }
while read -r count name rank; do
    for action in $(actions "$name"); do
        echo "$((RANDOM * 32768 + RANDOM)) $name $rank $action $((RANDOM % count + 1))"
    done
done <points.txt >all.txt
[ "$points" != all ] || points=$(wc -l <all.txt)
sort -n all.txt | head -n "$points" | cut -d ' ' -f 2- >cases.txt
# The last two files always: the model, and the checkpoint that says all is done.
files=$(sed -n 's/^ *\([0-9]*\) ckpt.before_create 0$/\1/p' points.txt)
check "a checkpoint per round, a model and a last checkpoint" test "${files:-0}" -ge 4
printf 'ckpt.before_create 0 kill %d\n' $((files - 1)) "$files" >>cases.txt
i=0
while read -r name rank action count; do
    i=$((i + 1)) run=point$i was=$failures
    PWF_TEST_FAULT=$name:$rank:$count:$action dist 2 $run.log "${settings[@]}" --output $run
    check "$run: the fault did not fire" grep -q "^fault $action at $name" $run.log
    if [ "$action" = kill ]; then
        check "$run: code $code of a killed rank" test "$code" = 137
        take_up $run
        same_names $run
    else
        expect 0 "$run: a failed write is not the end"
        same_rows whole $run
        same_state whole $run
        check "$run: leftovers" test -z "$(find $run -name '.*')"
    fi
    echo "seed $seed, $action at $name, rank $rank, time $count: $([ $failures = $was ] && echo good || echo BAD)"
    [ $failures != $was ] || rm -rf $run
done <cases.txt
finish
