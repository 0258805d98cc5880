#!/usr/bin/env bash
# Jobs that are started badly, each for real as far as this machine allows: what pwf_dist says and ends
# with, and what pwf doctor says. With ON as first argument fault points are compiled in.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
faults=${1:-OFF}
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
host=$(hostname)
run=(-c "$tiny" --set checkpoint.stop_after=1)
look=(-c "$tiny" --check --output o)

# started LOG COMMAND...: runs it, output to LOG, exit code in $code
started() {
    local log=$1
    shift
    code=0
    timeout -k 5 60 "$@" >"$log" 2>&1 </dev/null || code=$?
}
dist_bin=$PWF_BIN_DIR/pwf_dist doctor=("$PWF_BIN_DIR/pwf" doctor)
mpi=(mpirun --oversubscribe --bind-to none)

row() { # row LOG CHECK LEVEL "text": the row of a check, its lines joined
    local text
    text=$(awk -v check="$2" '/^[a-z]/ { on = $1 == check } on' "$1" | tr -s ' \n' ' ')
    check "$1: $2 is not $3: $text" grep -qE "^$2 $3 " <<<"$text"
    check "$1: $2 does not say: $4" grep -qF -- "$4" <<<"$text"
}
warns() { # warns LOG "text": pwf_dist's warning
    check "$1: no warning: $2" grep -qE 'level=warn code=LAUNCH' "$1"
    says "$1" "$2"
}

# A good launch: no findings, and no files remain.
started good.log "${mpi[@]}" -n 2 "${doctor[@]}" -c "$tiny" --output o/p
expect 0 "doctor on two ranks"
row good.log launch ok "2 ranks on $host, started by the mpirun of an Open MPI"
row good.log workers ok "2 ranks of 1 thread for 8 slots"
row good.log directory ok "o/p can be created in . ("
row good.log directory ok "all ranks see it"
says good.log "13 checks"
says good.log "0 failures"
started alone.log "${doctor[@]}"
expect 0 "doctor alone, without settings"
row alone.log launch ok "1 rank on $host, without mpirun or srun"
started json.log "${doctor[@]}" --json
expect 0 "doctor --json"
check "--json: every check" test "$(grep -c '"check": ' json.log)" = 12
check "a look leaves nothing behind" test -z "$(find . -mindepth 1 ! -name '*.log')"
started usage.log "${doctor[@]}" --resume; expect 64 "doctor --resume"

# Processes that do not find each other: one of them speaks, nothing is written.
alone() { # alone LOG "text" VARIABLE=...: as one of several, without them
    local log=$1 text=$2
    shift 2
    started "$log" env "$@" "$dist_bin" "${run[@]}" --output o
    expect 69 "$log: pwf_dist"
    says "$log" "$text"
    started "$log.doctor" env "$@" "${doctor[@]}"
    expect 69 "$log: doctor"
    row "$log.doctor" launch FAILURE "$text"
}
alone ompi.log "the mpirun of an Open MPI started 4 processes, but each runs alone" OMPI_COMM_WORLD_SIZE=4
alone mpich.log "MPICH or Intel MPI started 3 processes" MPI_LOCALNRANKS=3 PMI_SIZE=3 PMI_RANK=0
alone step.log "srun --mpi=pmix" SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2 SLURM_NTASKS=2 SLURM_PROCID=0
started second.log env MPI_LOCALNRANKS=3 PMI_SIZE=3 PMI_RANK=2 "$dist_bin" "${run[@]}" --output o
expect 69 "another of them"
check "it is silent" test ! -s second.log
check "nothing is written" test ! -e o
# One rank on purpose, in a larger job: its script, mpirun -n 1 in it, and the shell of salloc.
job=(SLURM_JOB_ID=1 SLURM_NTASKS=8 SLURM_NPROCS=8 SLURM_PROCID=0)
step=("${job[@]}" SLURM_STEP_ID=0 SLURM_STEPID=0)
started script.log env "${job[@]}" "${doctor[@]}"; expect 0 "one rank in the script of a job"
row script.log launch note "the Slurm job is for 8 tasks"
started one.log env "${step[@]}" SLURM_STEP_NUM_TASKS=2 "${mpi[@]}" -n 1 "$dist_bin" "${look[@]}"
expect 0 "mpirun -n 1 in a step"
started shell.log env "${step[@]}" SLURM_STEP_NUM_TASKS=1 "$dist_bin" "${look[@]}"
expect 0 "one rank in a step of one task"
started shell.doctor env "${step[@]}" SLURM_STEP_NUM_TASKS=1 "${doctor[@]}"
row shell.doctor launch note "the Slurm job is for 8 tasks"

# Workers, processors, binding.
dist 2 workers.log "${look[@]}" --set parallel.threads=5; expect 69 "more workers than slots"
started workers.doctor "${mpi[@]}" -n 2 "${doctor[@]}" -c "$tiny" --set parallel.threads=5
expect 69 "doctor: more workers than slots"
row workers.doctor workers FAILURE "2 ranks of 5 threads are more workers than the 8 slots"
first=$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')
started threads.log taskset -c "$first" "${mpi[@]}" -n 2 "$dist_bin" "${look[@]}"
expect 0 "two ranks on one processor"
warns threads.log "2 threads on the 1 processor of $host"
started threads.doctor taskset -c "$first" "${mpi[@]}" -n 2 "${doctor[@]}"; expect 0 "doctor: the same"
row threads.doctor threads warning "2 threads on the 1 processor of $host"
if [ "$(nproc)" -gt 1 ]; then
    # What mpirun does by itself with one or two ranks.
    bound=(mpirun --oversubscribe --bind-to core -n 1)
    started binding.log "${bound[@]}" "$dist_bin" "${look[@]}" --set parallel.threads=2
    expect 0 "two threads bound to a core"
    # On a core of two hardware threads they have both.
    if [ "$("${bound[@]}" nproc)" = 1 ]; then
        warns binding.log "the 2 threads of rank 0 on $host may only use 1 of $(nproc) processors"
        started binding.doctor "${bound[@]}" "${doctor[@]}" -c "$tiny" --set parallel.threads=2
        row binding.doctor binding warning "mpirun --bind-to none"
    fi
    cat >bound.sh <<END
exec taskset -c $first "\$@"
END
    started together.log "${mpi[@]}" -n 2 bash bound.sh "$dist_bin" "${look[@]}"
    expect 0 "two ranks bound to the same processor by a script"
    warns together.log "the 2 threads of rank 0 and 1 more on $host may only use 1 of $(nproc) processors"
fi

# Limits and memory.
started files.log bash -c "ulimit -n 100; exec \"\$@\"" - "${mpi[@]}" -n 2 "$dist_bin" "${look[@]}"
expect 0 "few files"; warns files.log "may open only 100 files: run ulimit -n 1024"
started files.doctor bash -c "ulimit -n 100; exec \"\$@\"" - "${mpi[@]}" -n 2 "${doctor[@]}"
row files.doctor limits warning "may open only 100 files"
started stack.log bash -c "ulimit -s 400; exec \"\$@\"" - "$dist_bin" "${look[@]}"
expect 0 "small stacks"; warns stack.log "stack of only 400 KiB"
big=("${doctor[@]}" -c "$PWF_SOURCE_DIR/configs/resnet50.yaml" --set data.path=. --set optim.name=adamw)
started memory.doctor bash -c "ulimit -v 1000000; exec \"\$@\"" - "${big[@]}"
expect 0 "doctor: little memory"
row memory.doctor memory warning "may have 976.6 MiB (ulimit)"

# The run directory.
started file.log "$dist_bin" "${run[@]}" --output "$tiny"; expect 73 "a file for a directory"
started file.doctor "${doctor[@]}" --output "$tiny"; expect 73 "doctor: a file for a directory"
row file.doctor directory FAILURE "is not a directory"
mkdir -m 777 open
started open.doctor "${doctor[@]}" --output open; expect 77 "doctor: everybody may write"
row open.doctor directory FAILURE "chmod o-w"
mkdir -m 555 closed
chmod 755 .
user=()
if [ "$(id -u)" = 0 ]; then user=(setpriv --reuid=65534 --regid=65534 --clear-groups env TMPDIR=/tmp); fi
if "${user[@]}" test -x "$dist_bin" -a -r "$tiny" -a -x "$PWD"; then
    for place in closed closed/new/run; do
        started closed.log "${user[@]}" "$dist_bin" "${run[@]}" --output "$PWD/$place"
        expect 77 "no permission: $place"
        says closed.log "Permission denied; choose another with --output"
        started closed.doctor "${user[@]}" "${doctor[@]}" --output "$PWD/$place"
        expect 77 "doctor: no permission: $place"
        row closed.doctor directory FAILURE "Permission denied; choose another with --output"
    done
fi
# Each rank has its own directory under that name, as with /tmp of two hosts.
mkdir host0 host1
cat >there.sh <<'END'
cd "host$OMPI_COMM_WORLD_RANK" && exec "$@"
END
started shared.log "${mpi[@]}" -n 2 bash there.sh "$dist_bin" "${run[@]}" --output out
expect 73 "a directory for each host"
says shared.log "rank 1 on $host does not see the file that rank 0 has on $host in the run directory out"
says shared.log "on a file system that all hosts share"
check "nothing is left" test -z "$(find host0 host1 -mindepth 1)"
started shared.doctor "${mpi[@]}" -n 2 bash there.sh "${doctor[@]}" --output out
expect 73 "doctor: a directory for each host"
row shared.doctor directory FAILURE "does not see the file that rank 0 has"
check "nothing is left of the look" test -z "$(find host0 host1 -mindepth 1)"
# One that is in use.
start used code=CKPT -c "$tiny" --set train.baseline_epochs=1000 --set checkpoint.every=50
started used.doctor "${doctor[@]}" --output used; expect 73 "doctor: in use"
row used.doctor directory FAILURE "in use by a run on $host, process"
touch used/stop
wait "$group" || true
started used.after "${doctor[@]}" --output used; expect 0 "doctor: no longer in use"
if [ "$faults" = ON ]; then
    started locks.doctor env PWF_TEST_FAULT=lock.flock:0:1:eio "${doctor[@]}"
    expect 0 "doctor: no locks"
    row locks.doctor lock note "has no locks between hosts"
fi

# Libraries. libhdf5 ends a process whose headers were of another release.
cat >old.c <<'END'
#include <string.h>
int H5get_libversion(unsigned *a, unsigned *b, unsigned *c) { *a = 1, *b = 8, *c = 23; return 0; }
int MPI_Get_library_version(char *text, int *n) { strcpy(text, "Open MPI v3.1.6, old"); return *n = 20, 0; }
END
cc -shared -fPIC -o both.so old.c
grep -v H5 old.c >mpi.c
cc -shared -fPIC -o mpi.so mpi.c
started hdf5.log env LD_PRELOAD="$PWD/both.so" "$dist_bin" "${run[@]}" --output o
expect 69 "another HDF5"
says hdf5.log "HDF5 1.8.23 is loaded, but pwf was built with HDF5"
started hdf5.doctor env LD_PRELOAD="$PWD/both.so" "${doctor[@]}"; expect 69 "doctor: another HDF5"
row hdf5.doctor libraries FAILURE "HDF5 1.8.23 is loaded"
started mpi.log env LD_PRELOAD="$PWD/mpi.so" "$dist_bin" "${look[@]}"; expect 0 "another Open MPI"
warns mpi.log "Open MPI v3.1.6"
started mixed.log "${mpi[@]}" -n 1 "$dist_bin" "${look[@]}" : -n 1 -x LD_PRELOAD="$PWD/mpi.so" "$dist_bin" "${look[@]}"
expect 69 "hosts with different modules"
says mixed.log "rank 1 on $host has Open MPI v3.1.6"
started bits.log "${mpi[@]}" -n 1 "$dist_bin" "${look[@]}" : -n 1 -x ONEDNN_MAX_CPU_ISA=SSE41 "$dist_bin" "${look[@]}"
expect 0 "hosts of different kinds"
warns bits.log "rank 1 on $host computes with oneDNN"
started plain.log "${mpi[@]}" -n 1 "$dist_bin" "${look[@]}" --set parallel.backend=plain : \
    -n 1 -x ONEDNN_MAX_CPU_ISA=SSE41 "$dist_bin" "${look[@]}" --set parallel.backend=plain
expect 0 "the same with portable loops"
check "no warning then" test -z "$(grep computes plain.log)"
started h5.doctor env HDF5_USE_FILE_LOCKING=TRUE HDF5_PLUGIN_PATH=/nowhere "${doctor[@]}"
row h5.doctor hdf5 note "ignored variables: HDF5_USE_FILE_LOCKING, HDF5_PLUGIN_PATH"
# A file that another program has locked can be read, whatever HDF5 variables the user has set.
cp "$PWF_SOURCE_DIR/tests/rounds/round_0.h5" in.h5
started locked.log env HDF5_USE_FILE_LOCKING=TRUE flock -x in.h5 "$PWF_BIN_DIR/pwf" fix-round in.h5 -o out.h5
expect 0 "HDF5 locking"

# Messages.
started btl.doctor env OMPI_MCA_btl=self,tcp "${mpi[@]}" -n 2 "${doctor[@]}"; expect 0 "doctor: TCP alone"
row btl.doctor messages note "OMPI_MCA_btl is self,tcp"
# File systems of our own, where that is permitted.
if unshare -m mount -t tmpfs none /mnt 2>/dev/null; then
    mounted() { # mounted OPTIONS DIR LOG COMMAND...
        local options=$1 dir=$2 log=$3
        shift 3
        # shellcheck disable=SC2016
        started "$log" unshare -m bash -c 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"' - \
            "$options" "$dir" "$@"
    }
    mkdir mount
    mounted size=64k /dev/shm shm.log "${mpi[@]}" -n 2 "$dist_bin" "${look[@]}"
    expect 0 "a full /dev/shm"; warns shm.log "through which its ranks communicate, has only"
    mounted ro mount readonly.log "$dist_bin" "${run[@]}" --output mount/run
    expect 73 "a read-only file system"; says readonly.log "Read-only file system; choose another"
    mounted ro mount readonly.doctor "${doctor[@]}" --output mount/run
    expect 73 "doctor: a read-only file system"
    row readonly.doctor directory FAILURE "Read-only file system"
    mounted size=256k mount space.log "$dist_bin" "${run[@]}" --output mount/run
    warns space.log "up to 6 checkpoints of"
    mounted size=256k mount space.doctor "${doctor[@]}" -c "$tiny" --output mount/run
    expect 0 "doctor: a small file system"
    row space.doctor space warning "free space or choose another --output"
    row space.doctor directory note "mount/run can be created in mount (tmpfs)"
else
    echo "no mounts of our own here: not tried"
fi

# Settings.
started key.doctor "${doctor[@]}" -c "$tiny" --set optim.lrr=1; expect 78 "doctor: an unknown key"
row key.doctor settings FAILURE "optim.lr"
started none.doctor "${doctor[@]}" -c none.yaml; expect 66 "doctor: no such file"
finish
