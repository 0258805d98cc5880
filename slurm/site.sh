# What differs between clusters; every job in jobs/ sources this file. Copy it and edit the copy:
#     cp slurm/site.sh slurm/site.local.sh
# The jobs then use the copy, which git ignores. docs/how-to/set-up-a-cluster.md describes each variable.
# shellcheck shell=bash disable=SC2034

# Partition and account are options of sbatch, which reads them before it starts a job script, so they cannot
# be set here. Set them in the environment of the shell from which you submit, for example in ~/.bashrc:
#     export SBATCH_PARTITION=cpu SBATCH_ACCOUNT=myproject
# or on the command line: sbatch --partition=cpu --account=myproject jobs/deit_tiny.slurm

# Modules or Spack packages that the programs were built with.
# module load gcc openmpi hdf5 openblas

# Directory of pwf_dist, if it is not build/bin of the clone: bin/ of the prefix of `cmake --install`.
# PWF_PROGRAMS=$HOME/pwf/bin

# How MPI programs are started. mpirun takes hosts and tasks from the allocation; --bind-to none leaves the
# cores of a task to its threads. If MPI was built against the cluster's PMIx (srun --mpi=list names it), srun
# can be used instead. It gives a cancelled, preempted or requeued run time to write a checkpoint:
# PWF_LAUNCH=(srun --mpi=pmix --wait=60)
# To find out whether a launcher works, start `pwf doctor` with it in an allocation.
PWF_LAUNCH=(mpirun --bind-to none)

# How often a job may requeue itself.
PWF_RESTARTS=${PWF_RESTARTS:-100}

# Parent directory of the run directories, on a parallel file system; empty: runs/ of the clone. The environment
# takes precedence over this variable and the two below.
PWF_SCRATCH=${PWF_SCRATCH:-}

# ImageNet: the directory of train/ and val/, each with a folder of JPEG files per class; or with data.format
# hdf5, the directory of train.h5 and val.h5.
PWF_IMAGENET=${PWF_IMAGENET:-}

# Pretrained weights made by pwf import: the directory of deit_tiny.h5, resnet50.h5 and so on.
PWF_WEIGHTS=${PWF_WEIGHTS:-}
