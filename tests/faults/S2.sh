# As S1, with srun.
# shellcheck shell=bash disable=SC2034
source "$PWF_SOURCE_DIR/tests/faults/S1.sh"
title="a Slurm job near its time limit, by srun with PMIx"
units="0 3 10"
launcher=srun
