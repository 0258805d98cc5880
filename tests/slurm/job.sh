#!/usr/bin/env bash
# jobs/fashion_mnist.slurm, shortened, over two nodes of a real Slurm: stopped in the middle,
# submitted again, finished, with the bits of a run outside Slurm.
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
dir=$PWD
trap 'bash "$PWF_SOURCE_DIR/tests/slurm/cluster.sh" stop "$dir/slurm"' EXIT
bash "$PWF_SOURCE_DIR/tests/slurm/cluster.sh" start "$dir/slurm" || { echo "no Slurm"; exit 1; }
export SLURM_CONF=$dir/slurm/slurm.conf PWF_PROGRAMS=$PWF_BIN_DIR PWF_SCRATCH=$dir

# Every job could be submitted as it is, and says what it lacks.
for job in "$PWF_SOURCE_DIR"/jobs/*.slurm; do
    name=$(basename "$job" .slurm)
    code=0
    (cd "$PWF_SOURCE_DIR" && sbatch --test-only "jobs/$name.slurm") >"$name-only.log" 2>&1 || code=$?
    expect 0 "$name for sbatch --test-only"
    [ "$name" != fashion_mnist ] || continue
    code=0
    (cd "$PWF_SOURCE_DIR" && PWF_IMAGENET='' bash "$job") >"$name.log" 2>&1 || code=$?
    expect 66 "$name without ImageNet"
    says "$name.log" "set PWF_IMAGENET"
    code=0
    (cd "$PWF_SOURCE_DIR" && PWF_IMAGENET=$dir PWF_WEIGHTS=$dir bash "$job") >"$name.log" 2>&1 || code=$?
    expect 66 "$name without start weights"
    says "$name.log" "$dir/$name.h5"
done

# A job over ImageNet, as it is but for its shape: images, start weights and threads reach the program.
"$PWF_BIN_DIR/../tests/synthetic_tree" imagenet 1000 1 1 3
dist 1 random.log -c "$PWF_SOURCE_DIR/configs/resnet18.yaml" --output random --set data.path=imagenet \
    --set train.baseline_epochs=1 --set train.batch=2 --set parallel.slots=1 --set checkpoint.stop_after=1
expect 75 "random weights for a start"
mv "$(newest random)" resnet18.h5
code=0
(cd "$PWF_SOURCE_DIR" && PWF_IMAGENET=$dir/imagenet PWF_WEIGHTS=$dir sbatch --wait --nodes=2 --ntasks=2 \
    --cpus-per-task=2 --output="$dir/imagenet.log" jobs/resnet18.slurm --check) >check.sbatch 2>&1 || code=$?
expect 0 "--check of a job over ImageNet"
says imagenet.log "1000 training and 1000 test images from $dir/imagenet"
says imagenet.log "2 replicas x 2 threads, 16 slots of 8 images"
says imagenet.log "start weights from $dir/resnet18.h5"

short=(--set data.train_limit=1280 --set data.test_limit=200 --set "fixing.fractions=[0.5,1.0]"
    --set train.baseline_epochs=0.4 --set eval.samples=2 --set log.interval=1)
submit() { # submit LOG options...: runs the job to its end; its exit code in $code
    local log=$1
    shift
    code=0
    (cd "$PWF_SOURCE_DIR" && sbatch --wait --nodes=2 --ntasks-per-node=1 --output="$dir/$log" \
        jobs/fashion_mnist.slurm "${short[@]}" "$@") >"$log.sbatch" 2>&1 || code=$?
}

submit first.log --set checkpoint.stop_after=6
expect 75 "a job that stops after six steps"
submit second.log --set checkpoint.stop_after=0
expect 0 "the same job submitted again"
says second.log "going on from"
says second.log "job="
check "all fixed" grep -q "100.00 % of 306,730" fashion_mnist/summary.txt
dist 1 plain.log -c "$PWF_SOURCE_DIR/configs/fashion_mnist.yaml" --output plain "${short[@]}"
expect 0 "the run without Slurm"
same_rows plain fashion_mnist
same_state plain fashion_mnist
finish
