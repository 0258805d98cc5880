# Functions of all job scripts. A job script is a few #SBATCH lines, a `source` of this file, and one call:
#     pwf_job configs/NAME.yaml NAME [options of pwf_dist]
#     pwf_imagenet_job NAME [options of pwf_dist]
# The job trains in the run directory NAME and resumes from the newest checkpoint there. It requeues itself near
# its time limit and after failures that may be transient (docs/how-to/resume-and-requeue.md); after others,
# submit it again. Submit from the top directory of the clone.
# shellcheck shell=bash

# shellcheck source=slurm/requeue.sh
source "${SLURM_SUBMIT_DIR:-.}/slurm/requeue.sh"

# Reads slurm/site.local.sh, the copy of slurm/site.sh for this cluster, or slurm/site.sh if there is no copy.
pwf_job_site() {
    pwf_home=${SLURM_SUBMIT_DIR:-$PWD}
    pwf_site=$pwf_home/slurm/site.sh
    if [ -e "$pwf_home/slurm/site.local.sh" ]; then pwf_site=$pwf_home/slurm/site.local.sh; fi
    # shellcheck source=slurm/site.sh
    source "$pwf_site"
    pwf_output=${PWF_SCRATCH:-$pwf_home/runs}
}

# The site file to edit, for messages.
pwf_job_site_file() {
    case $pwf_site in
    */site.local.sh) echo "$pwf_site" ;;
    *) echo "slurm/site.local.sh (first: cp slurm/site.sh slurm/site.local.sh)" ;;
    esac
}

# pwf_job CONFIG NAME [OPTION ...]: trains CONFIG in the run directory NAME.
pwf_job() {
    local config=$1 name=$2 before
    shift 2
    pwf_job_site
    local programs=${PWF_PROGRAMS:-$pwf_home/build/bin} output=$pwf_output/$name
    if [ ! -x "$programs/pwf_dist" ]; then
        echo "pwf_dist is not in $programs: build it (cmake --preset release && cmake --build --preset" \
            "release), or set PWF_PROGRAMS in $(pwf_job_site_file)" >&2
        return 69
    fi
    cd "$pwf_home" || return 66
    # One thread per core. srun does not inherit --cpus-per-task from sbatch.
    export PWF_PARALLEL_THREADS=${PWF_PARALLEL_THREADS:-${SLURM_CPUS_PER_TASK:-1}}
    export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}
    echo "job $(pwf_job_id), restart ${SLURM_RESTART_COUNT:-0}, nodes ${SLURM_JOB_NODELIST:-local}:" \
        "$config into $output"
    pwf_clean_nodes
    before=$(pwf_newest "$output")
    pwf_log_begin
    pwf_relay_run "${PWF_LAUNCH[@]}" "$programs/pwf_dist" -c "$config" --output "$output" --resume auto "$@"
    pwf_after $? "$output" "$before"
    return "$pwf_code"
}

# Trains configs/NAME.yaml on ImageNet from pretrained weights; the site file says where both are.
pwf_imagenet_job() {
    local name=$1
    shift
    pwf_job_site
    export PWF_DATA_PATH=${PWF_DATA_PATH:-$PWF_IMAGENET}
    export PWF_MODEL_INIT=${PWF_MODEL_INIT:-${PWF_WEIGHTS:+$PWF_WEIGHTS/$name.h5}}
    if [ -z "$PWF_DATA_PATH" ] || [ -z "$PWF_MODEL_INIT" ]; then
        echo "This job needs ImageNet and pretrained weights: set PWF_IMAGENET, the directory of ImageNet, and" \
            "PWF_WEIGHTS, the directory of $name.h5, in $(pwf_job_site_file);" \
            "see docs/tutorial/deit-tiny-imagenet.md." >&2
        return 66
    fi
    # A run that has a checkpoint does not need the start weights any more.
    if [ ! -e "$PWF_MODEL_INIT" ] && ! compgen -G "$pwf_output/$name/ckpt-*.h5" >/dev/null; then
        echo "$PWF_MODEL_INIT is missing: make it with pwf import (docs/tutorial/deit-tiny-imagenet.md), or set" \
            "PWF_WEIGHTS in $(pwf_job_site_file) to the directory of $name.h5." >&2
        return 66
    fi
    pwf_job "configs/$name.yaml" "$name" "$@"
}
