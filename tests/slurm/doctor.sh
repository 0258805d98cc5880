#!/usr/bin/env bash
# Ranks that find each other, and that do not, in jobs and steps of a real Slurm.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
dir=$PWD
trap 'bash "$PWF_SOURCE_DIR/tests/slurm/cluster.sh" stop "$dir/slurm"' EXIT
bash "$PWF_SOURCE_DIR/tests/slurm/cluster.sh" start "$dir/slurm" || { echo "cannot start Slurm"; exit 1; }
export SLURM_CONF=$dir/slurm/slurm.conf
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
dist=("$PWF_BIN_DIR/pwf_dist" -c "$tiny" --output run --set checkpoint.stop_after=1)
doctor=("$PWF_BIN_DIR/pwf" doctor)

started() { # started LOG COMMAND...
    local log=$1
    shift
    code=0
    timeout -k 5 60 "$@" >"$log" 2>&1 </dev/null || code=$?
}

# Debian's Open MPI supports PMIx, but no older PMI.
kinds=(none)
if ! ompi_info 2>/dev/null | grep -qE 'MCA pmix: (s1|s2) '; then kinds+=(pmi2); fi
for kind in "${kinds[@]}"; do
    started "$kind.log" srun --mpi="$kind" -N 1 -n 2 "${dist[@]}"
    expect 69 "$kind: tasks that cannot find each other"
    says "$kind.log" "srun started 2 processes without a process manager"
    check "$kind: one message" test "$(grep -c level=error "$kind.log")" = 1
    check "$kind: no file is written" test ! -e run
    started "$kind.one" srun --mpi="$kind" -N 1 -n 1 "${dist[@]}" --check
    expect 0 "$kind: one task"
done
started none.doctor srun --mpi=none -N 1 -n 2 "${doctor[@]}"
expect 69 "doctor: the same"
check "one table" test "$(grep -c '^launch  *FAILURE' none.doctor)" = 1
started task.doctor srun --mpi=none -N 1 -n 1 "${doctor[@]}"
expect 0 "doctor: one task"
says task.doctor "1 rank on $(hostname), started by srun"
if srun --mpi=list 2>&1 | grep -q pmix; then
    started pmix.doctor srun --mpi=pmix -N 1 -n 2 "${doctor[@]}"
    expect 0 "doctor: srun with PMIx"
    says pmix.doctor "2 ranks on $(hostname), started by srun"
fi

# A job script that starts one rank directly, one with mpirun, and all.
cat >job.sh <<'END'
#!/bin/bash
"$@" >script.doctor && mpirun --bind-to none -n 1 "$@" >one.doctor && mpirun --bind-to none "$@" >all.doctor
END
started job.log sbatch --wait --nodes=2 --ntasks=4 --output=job.out job.sh "${doctor[@]}"
expect 0 "doctor in a job"
says script.doctor "the Slurm job is for 4 tasks"
says one.doctor "1 rank on $(hostname), started by the mpirun of an Open MPI"
says all.doctor "4 ranks on $(hostname), started by the mpirun of an Open MPI"
finish
