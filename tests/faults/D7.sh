# Signals during the matrix products of a large network, in which oneDNN points the stack pointer into the
# heap.
# shellcheck shell=bash disable=SC2034,SC2154
title="many signals during large matrix products"
units="1 20 100"
settings=(-c "$PWF_SOURCE_DIR/configs/deit_tiny.yaml" --set data.path=tree --set train.baseline_epochs=100
    --set parallel.slots=2 --set parallel.threads=1 --set train.batch=32 --set data.threads=0)

setup() {
    "$PWF_TEST_PROGRAMS/synthetic_tree" tree 1000 1 1 3
}

# Two hundred signals in the first steps. SIGUSR1 stops the run after the current step, so SIGUSR2, after
# which the run continues, is sent first.
unit() {
    local t name=USR2
    launch storm.log 2 "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output storm
    await storm code=KERNELS
    processes
    for ((t = 0; t < 200; t++)); do
        ((t < 150)) || name=USR1
        kill -$name "${rank[RANDOM % 2]}" 2>/dev/null || true
        sleep 0.01
    done
    end_job storm
    expect 75 "a run under signals"
    code=0
    "$PWF_BIN_DIR/pwf" verify storm || code=$?
    expect 0 "what it saved"
    case_is good "200 signals, saved at step $(acknowledged storm.log)"
    rm -rf storm storm.log
}
