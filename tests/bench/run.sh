#!/usr/bin/env bash
# Builds the program and measures it, the limits of this machine and, if /usr/bin/python3 has it, PyTorch.
# Prints one table, which docs/explanation/performance.md explains.
# Usage: tests/bench/run.sh [--quick | --smoke] [--json FILE] [--compare FILE]
#   --quick         fewer steps
#   --smoke         a test of the bench itself on tiny inputs; the numbers mean nothing
#   --json FILE     writes the numbers to FILE
#   --compare FILE  compares with the FILE of an earlier run
# Environment: THREADS (default 2, at most 8); BUILD, a build folder to use as it is; PYTHON, an interpreter
# with torch.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

unset "${!PWF_@}" # settings from the environment would change the bench
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

usage() {
    echo "usage: run.sh [--quick | --smoke] [--json FILE] [--compare FILE]" >&2
    exit 64
}

mode=full
table=()
while [ $# -gt 0 ]; do
    case $1 in
        --quick | --smoke) mode=${1#--} ;;
        --json | --compare)
            [ $# -gt 1 ] || usage
            [ "$1" = --json ] || [ -r "$2" ] || { echo "$2: cannot be read" >&2; exit 66; }
            table+=("$1" "$(realpath -m "$2")")
            shift
            ;;
        *) usage ;;
    esac
    shift
done

python=${PYTHON:-/usr/bin/python3}
cores=$(nproc)
threads=${THREADS:-$((cores < 2 ? 1 : 2))}
precisions=(fp32 bf16)
models=(deit_tiny_patch16_224 resnet18)
weights=(5669800 11678912) # parameters with a posterior
classes=1000 per_class=1 side=224 batch=64 large_batch=128
turns=3 steps=3 pieces=500 slots_time=4000 repeats=9 rounds=(5669800 25503912) tested=$((400 / threads))
case $mode in
    quick) turns=1 steps=2 pieces=200 slots_time=1500 repeats=5 rounds=(5669800) ;;
    smoke)
        models=(vit_micro) weights=(10000) classes=4 per_class=24 side=28 batch=16 large_batch=16
        turns=1 steps=2 pieces=4 slots_time=4 repeats=1 rounds=(20000) tested=$((20 / threads))
        ;;
esac

if [ -z "${BUILD:-}" ]; then
    BUILD=$root/build
    cmake -S "$root" --preset release >/dev/null
    cmake --build "$BUILD" >/dev/null
fi
tests=$(cd "$BUILD/tests" && pwd)
bin=$(cd "$BUILD/bin" && pwd)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
export BENCH_CELLS=$scratch/cells
: >"$BENCH_CELLS"

cell() { # cell GROUP ROW COLUMN VALUE
    printf '%s\t%s\t%s\t%s\n' "$@" >>"$BENCH_CELLS"
}

cells() { # cells GROUP ROW COLUMN FACTOR: stdin has one number per line; a FACTOR below 0 means a rate per second
    awk -v at="$1	$2	$3" -v f="$4" '{ printf "%s\t%.9g\n", at, f < 0 ? -f / $1 : f * $1 }' >>"$BENCH_CELLS"
}

many() { if [ "$1" = 1 ]; then echo "1 $2"; else echo "$1 $2s"; fi; }

say() { printf '%s\n' "$*" >&2; }

quietly() { # quietly COMMAND...: shows the output only if COMMAND fails
    "$@" >>log 2>&1 </dev/null || { tail -n 20 log >&2; say "failed: $*"; exit 1; }
}

# on RANKS PROGRAM...: starts a single rank without a launcher
on() {
    local launch=()
    if [ "$1" != 1 ]; then launch=(mpirun --oversubscribe --bind-to none -n "$1"); fi
    "${launch[@]}" "${@:2}" </dev/null
}

# ---- machine and ceilings

cell machine processor value "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)"
cell machine cores value "$cores"
cell machine date value "$(date -u +%F)"
cell machine "load at the start" value "$(cut -d' ' -f1 /proc/loadavg)"
say "ceilings"
quietly "$tests/bench_ceilings" "$threads" "$pieces"

# ---- images and settings of the runs: synthetic images, decoded in advance

quietly "$tests/synthetic_tree" tree $classes $per_class 0 1
mkdir packed
quietly "$bin/pwf" pack tree -o packed/train.h5 --pixels $side
cat >run.yaml <<END
model: {classes: $classes, image_size: $side}
data: {format: hdf5, path: $scratch/packed, resize: $side, validation: 0.8, test_limit: 1, threads: 0}
fixing: {first_epochs: 1000}
checkpoint: {every: 0}
eval: {batch: $tested}
log: {interval: 1}
END

# run_steps MODEL PRECISION BATCH RANKS THREADS OPTIONS...: prints the seconds of each step but the first,
# one per line
run_steps() {
    local model=$1 precision=$2 images=$3 ranks=$4 own=$5 code=0
    shift 5
    rm -rf run
    on "$ranks" "$bin/pwf_dist" -c run.yaml --output run \
        --set model.name="$model" --set parallel.precision="$precision" \
        --set train.batch="$images" --set parallel.threads="$own" \
        --set checkpoint.stop_after=$((steps + 1)) "$@" >>log 2>&1 || code=$?
    [ $code = 75 ] || { tail -n 20 log >&2; say "pwf_dist ended with $code instead of 75"; exit 1; }
    sed -nE '/"kind": "step"/s/.*"seconds": ([0-9.e+-]+).*/\1/p' run/metrics.jsonl |
        awk 'NR > 1 { print $1 - before } { before = $1 }'
}

# seconds_of_evaluation PRECISION IMAGES: evaluates the checkpoint that run_steps wrote
seconds_of_evaluation() {
    local begun=$EPOCHREALTIME
    quietly "$bin/pwf" eval run/round-00.h5 --precision "$1" --set data.test_limit="$2"
    awk "BEGIN { print $EPOCHREALTIME - $begun }"
}

# Start-up and loading take the same time for one chunk of images per thread as for two; they cancel.
evaluate() {
    local model=$1 precision=$2 one two
    one=$(seconds_of_evaluation "$precision" $((tested * threads)))
    two=$(seconds_of_evaluation "$precision" $((2 * tested * threads)))
    awk "BEGIN { print $two - $one }" | awk '$1 > 0' |
        cells steps "$model, evaluation, $precision" ours -$((tested * threads))
}

# ---- whole steps, alternating with PyTorch

torch=no
if [ "$mode" != smoke ] && "$python" -c 'import torch' 2>/dev/null; then torch=yes; fi
for ((turn = 1; turn <= turns; turn++)); do
    for model in "${models[@]}"; do
        say "$model, turn $turn of $turns"
        for precision in "${precisions[@]}"; do
            run_steps "$model" "$precision" $batch 1 "$threads" >seconds
            cells steps "$model, training, $precision" ours -$batch <seconds
            cells "parts of $model, $precision" "the whole step" total 1000 <seconds
            evaluate "$model" "$precision"
        done
        [ $torch = no ] || quietly "$python" "$here/pytorch.py" "$model" "$threads" $batch 100 $steps
    done
done

# ---- the parts of a step, as slots of batch / 8 images

for i in "${!models[@]}"; do
    say "parts of ${models[i]}"
    for precision in "${precisions[@]}"; do
        quietly "$tests/bench_step" "${models[i]}" $((batch / 8)) "$threads" $slots_time $batch auto \
            "$precision"
        quietly "$tests/bench_posterior" "${weights[i]}" "$threads" "${models[i]}" $repeats "$precision"
    done
done

# ---- cost of the posterior; ranks and threads

model=${models[0]}
for ((turn = 1; turn <= turns; turn++)); do
    say "$model, Bayesian and ordinary, turn $turn of $turns"
    for precision in "${precisions[@]}"; do
        row="$model, batch $large_batch, $precision"
        run_steps "$model" "$precision" $large_batch 1 "$threads" | cells posterior "$row" bayesian 1
        run_steps "$model" "$precision" $large_batch 1 "$threads" --set train.baseline_epochs=1000 |
            cells posterior "$row" ordinary 1
    done
done
for ((turn = 1; turn <= turns; turn++)); do
    for precision in "${precisions[@]}"; do
        for mesh in "1 1 1" "1 $threads 1" "$threads 1 1" "$threads 1 $threads"; do
            read -r ranks own shards <<<"$mesh"
            row="$precision, $(many "$ranks" rank) of $(many "$own" thread)"
            [ "$shards" = 1 ] || row+=", $(many "$shards" shard)"
            say "$model, $row, turn $turn of $turns"
            run_steps "$model" "$precision" $batch "$ranks" "$own" --set parallel.shards="$shards" |
                cells meshes "$row" value -$batch
            cell meshes "$row" cores $((ranks * own))
        done
    done
done
say "exact sums"
for precision in "${precisions[@]}"; do
    step=$(awk -F '\t' -v row="$model, training, $precision" -v images=$batch \
        '$1 == "steps" && $2 == row && $3 == "ours" { s = images / $4 } END { print s }' "$BENCH_CELLS")
    quietly on "$threads" "$tests/bench_sums" "${weights[0]}" $((8 / threads)) "$step" "$repeats" "$precision"
done

# ---- rounds, checkpoints, images

for count in "${rounds[@]}"; do
    say "rounds on $count weights"
    quietly on "$threads" "$tests/bench_round" "$count" 0.2 1
done
say "checkpoints"
mkdir checkpoints
quietly on "$threads" "$tests/bench_checkpoint" \
    "$scratch/checkpoints" "$model" "$repeats"
say "images"
rate() { # rate WHAT SETTINGS...: images of about 500 x 375 pixels
    local what=$1 count seconds
    shift
    for ((turn = 1; turn <= turns + 1; turn++)); do
        read -r count seconds < <("$tests/image_tool" rate photos "$@")
        awk "BEGIN { print $seconds / $count }" | cells others "$what, one core" value -1
    done
    cell others "$what, one core" unit images/s
}
quietly "$tests/synthetic_tree" photos 1 $((classes < 60 ? 4 : 60)) 0 1
rate "images decoded, cropped and normalised"
rate "images with RandomResizedCrop, RandAugment and erasing" augment.crop=true augment.rand_layers=2 \
    augment.erase=0.25

cell machine "load at the end" value "$(cut -d' ' -f1 /proc/loadavg)"
"$tests/bench_table" "$BENCH_CELLS" ${table[@]+"${table[@]}"}
if [ $torch = no ] && [ "$mode" != smoke ]; then
    echo
    echo "$python has no torch: no comparison with PyTorch; on Debian: apt install python3-torch"
fi
