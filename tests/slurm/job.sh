#!/usr/bin/env bash
# jobs/fashion_mnist.slurm, shortened, on two nodes of a real Slurm: near its time limit it saves and requeues
# itself, and ends with the bits of a run outside Slurm. Meanwhile, the checks of the other job scripts.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
# shellcheck source=tests/slurm/lib.sh
source "$PWF_SOURCE_DIR/tests/slurm/lib.sh"
rm -rf ./*
slurm_begin "$PWD" || { echo "cannot start Slurm"; exit 1; }
short=(--set data.train_limit=1280 --set data.test_limit=200 --set "fixing.fractions=[0.5,1.0]"
    --set train.baseline_epochs=0.4 --set eval.samples=2 --set log.interval=1)

# Slurm counts in minutes and checks every 30 seconds, so the run is stopped until the signal comes.
near=$(cd clone && sbatch --parsable --nodes=2 --ntasks-per-node=1 --time=2 --signal=B:USR1@100 \
    --output="$slurm_dir/near.log" jobs/fashion_mnist.slurm "${short[@]}")
check "the job begins" wait_until 120 has_steps fashion_mnist 3
hold fashion_mnist

# Slurm accepts every job script; each one says what is missing.
for job in "$PWF_SOURCE_DIR"/jobs/*.slurm; do
    name=$(basename "$job" .slurm)
    code=0
    (cd clone && sbatch --test-only "jobs/$name.slurm") >"$name-only.log" 2>&1 || code=$?
    expect 0 "$name for sbatch --test-only"
    case $name in fashion_mnist | array) continue ;; esac
    code=0
    (cd "$PWF_SOURCE_DIR" && PWF_IMAGENET='' bash "$job") >"$name.log" 2>&1 || code=$?
    expect 66 "$name without ImageNet"
    says "$name.log" "set PWF_IMAGENET"
    code=0
    (cd "$PWF_SOURCE_DIR" && PWF_IMAGENET=$slurm_dir PWF_WEIGHTS=$slurm_dir bash "$job") >"$name.log" 2>&1 ||
        code=$?
    expect 66 "$name without start weights"
    says "$name.log" "$slurm_dir/$name.h5"
done

# A job on ImageNet, with fewer tasks: images, start weights and threads reach the program.
"$PWF_BIN_DIR/../tests/synthetic_tree" imagenet 1000 1 1 3
dist 1 random.log -c "$PWF_SOURCE_DIR/configs/resnet18.yaml" --output random --set data.path=imagenet \
    --set train.baseline_epochs=1 --set train.batch=2 --set parallel.slots=1 --set checkpoint.stop_after=1
expect 75 "random start weights"
mv "$(newest random)" resnet18.h5
code=0
(cd clone && PWF_IMAGENET=$slurm_dir/imagenet PWF_WEIGHTS=$slurm_dir sbatch --wait --nodes=2 --ntasks=2 \
    --cpus-per-task=2 --output="$slurm_dir/imagenet.log" jobs/resnet18.slurm --check) >check.sbatch 2>&1 ||
    code=$?
expect 0 "--check of a job over ImageNet"
says imagenet.log "1000 training and 1000 test images from $slurm_dir/imagenet"
says imagenet.log "2 replicas x 2 threads, 16 slots of 8 images"
says imagenet.log "start weights from $slurm_dir/resnet18.h5"

dist 1 plain.log -c "$PWF_SOURCE_DIR/configs/fashion_mnist.yaml" --output plain "${short[@]}"
expect 0 "the run without Slurm"

check "the signal comes" wait_until 120 log_has near "SIGUSR1 for job $near"
check "the signal reaches a rank" wait_until 60 has_signal fashion_mnist
let_go fashion_mnist
check "the job ends" wait_until 240 is_over "$near"
# A check of Slurm may hit the second start too.
check "after a restart: $(job_now "$near")" state_is "$near" "COMPLETED 0 [1-9]"
for text in "restart 0, nodes n[1-2]" "result=stopped code=75" "reason=usr1" "requeued: it stopped in time" \
    "restart 1, nodes n[1-2]" "resuming from" "result=finished code=0"; do
    says near.log "$text"
done
check "all weights are fixed" grep -q "100.00 % of 306,730" fashion_mnist/summary.txt
same_rows plain fashion_mnist
same_state plain fashion_mnist
[ $failures = 0 ] || cat near.log
finish
