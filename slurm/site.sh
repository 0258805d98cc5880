# What differs from one cluster to the next; sourced by every job of jobs/. Copy it to slurm/site.local.sh
# and edit the copy, which is used instead and ignored by git.
# shellcheck shell=bash disable=SC2034

# Modules or Spack packages the programs were built with.
# module load gcc openmpi hdf5 openblas

# Where pwf_dist is, if it is not in build/bin of the clone: the bin/ of `cmake --install`.
# PWF_PROGRAMS=$HOME/pwf/bin

# How MPI programs are started: mpirun takes hosts and tasks from the allocation; the cores of a task are
# left to its threads. With an MPI that was built against the cluster's PMIx (srun --mpi=list names it), srun
# does the same, and gives a run that is cancelled, preempted or requeued time to save (docs/how-to/resume-and-requeue.md):
# PWF_LAUNCH=(srun --mpi=pmix --wait=60)
# Whether either works is what `pwf doctor` says, started so in an allocation (docs/how-to/set-up-a-cluster.md).
PWF_LAUNCH=(mpirun --bind-to none)

# How often a job requeues itself at most.
PWF_RESTARTS=${PWF_RESTARTS:-100}

# Where run directories go: a parallel file system. Empty: runs/ of the clone. The environment outranks this
# and the two places below.
PWF_SCRATCH=${PWF_SCRATCH:-}

# ImageNet: the folder that holds train/ and val/, and these a folder of JPEG files for each class; with
# data.format hdf5, the folder of train.h5 and val.h5.
PWF_IMAGENET=${PWF_IMAGENET:-}

# Start weights as pwf import makes them: the folder that holds deit_tiny.h5, resnet50.h5 and so on.
PWF_WEIGHTS=${PWF_WEIGHTS:-}
