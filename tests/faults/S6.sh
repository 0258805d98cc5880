# A job array.
# shellcheck shell=bash disable=SC2034,SC2154
title="an array of two configurations, one of them stopped"
units="0 all all"
source "$PWF_SOURCE_DIR/tests/slurm/lib.sh"
runs=(fashion_mnist_coarse fashion_mnist_fine)
short=(--set data.train_limit=1280 --set data.test_limit=200 --set "fixing.fractions=[0.5,1.0]"
    --set train.baseline_epochs=0.4 --set eval.samples=2 --set log.interval=1)

setup() {
    local delta=(2 0.5) i
    for i in 0 1; do
        dist 2 plain.log -c "$PWF_SOURCE_DIR/configs/fashion_mnist.yaml" --output "plain_${runs[i]}" \
            --set fixing.delta="${delta[i]}" "${short[@]}"
        expect 0 "${runs[i]}"
    done
    printf '%s\n' "mpirun 0" "mpirun 1" "srun 0" "srun 1" >list.txt
    test "$failures" = 0
}

unit() {
    local one=${2#* } launcher=(mpirun --bind-to none) i
    if [ "${2% *}" = srun ]; then launcher=(srun --mpi=pmix --wait=60); fi
    rm -rf s
    mkdir s
    slurm_begin "$PWD/s" "${launcher[@]}"
    array=$(cd s/clone && PWF_TEST_FAULT=train.step:0:9:stop sbatch --parsable --nodes=1 \
        --output="$slurm_dir/%a.log" jobs/array.slurm "${short[@]}")
    for i in 0 1; do
        failing=hang check "task $i begins" wait_until 180 log_has $i "^fault stop at"
    done
    scancel --batch --signal=USR1 "${array}_$one"
    wait_until 60 has_signal "${runs[one]}" || check "the signal reaches a rank" false
    let_go fashion
    for i in 0 1; do
        failing=hang check "task $i ends" wait_until 240 is_over "${array}_$i"
        failing=code check "task $i is $(job_now "${array}_$i")" \
            test "$(job_now "${array}_$i")" = "COMPLETED 0 $((i == one))"
        same_rows "plain_${runs[i]}" "s/${runs[i]}"
        same_state "plain_${runs[i]}" "s/${runs[i]}"
        no_leftovers "s/${runs[i]}"
    done
    row_ends "${launcher[0]}: task $one stopped and requeued, the other not"
}
