# What all jobs share. A job is a few #SBATCH lines, a `source` of this file, and one line of work:
#     pwf_job configs/NAME.yaml NAME [options of pwf_dist]
#     pwf_imagenet_job NAME [options of pwf_dist]
# It trains into the run directory NAME and takes up the newest checkpoint there. Near its time limit, and
# after failures that may not come again, it requeues itself; docs/how-to/resume-and-requeue.md says when. Otherwise the same job
# is submitted again. Submit from the clone.
# shellcheck shell=bash

# shellcheck source=slurm/requeue.sh
source "${SLURM_SUBMIT_DIR:-.}/slurm/requeue.sh"

# Sets what slurm/site.sh, or the copy of it for this cluster, says.
pwf_job_site() {
    pwf_home=${SLURM_SUBMIT_DIR:-$PWD}
    pwf_site=$pwf_home/slurm/site.sh
    if [ -e "$pwf_home/slurm/site.local.sh" ]; then pwf_site=$pwf_home/slurm/site.local.sh; fi
    # shellcheck source=slurm/site.sh
    source "$pwf_site"
    pwf_output=${PWF_SCRATCH:-$pwf_home/runs}
}

pwf_job() {
    local config=$1 name=$2 before
    shift 2
    pwf_job_site
    local programs=${PWF_PROGRAMS:-$pwf_home/build/bin} output=$pwf_output/$name
    if [ ! -x "$programs/pwf_dist" ]; then
        echo "pwf_dist is not in $programs: build it (cmake --preset release && cmake --build --preset" \
            "release), or set PWF_PROGRAMS in $pwf_site" >&2
        return 69
    fi
    cd "$pwf_home" || return 66
    # One thread a core; srun does not take --cpus-per-task over from sbatch by itself.
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

# configs/NAME.yaml on ImageNet from pretrained weights, both where the site file says.
pwf_imagenet_job() {
    local name=$1
    shift
    pwf_job_site
    export PWF_DATA_PATH=${PWF_DATA_PATH:-$PWF_IMAGENET}
    export PWF_MODEL_INIT=${PWF_MODEL_INIT:-${PWF_WEIGHTS:+$PWF_WEIGHTS/$name.h5}}
    if [ -z "$PWF_DATA_PATH" ] || [ -z "$PWF_MODEL_INIT" ]; then
        echo "This job needs ImageNet and start weights: set PWF_IMAGENET, the folder of ImageNet, and" \
            "PWF_WEIGHTS, the folder of $name.h5, in $pwf_site. docs/tutorial/deit-tiny-imagenet.md says how to make them." >&2
        return 66
    fi
    # A run that has a checkpoint needs the start weights no more.
    if [ ! -e "$PWF_MODEL_INIT" ] && ! compgen -G "$pwf_output/$name/ckpt-*.h5" >/dev/null; then
        echo "There are no start weights in $PWF_MODEL_INIT: make them with pwf import, as docs/tutorial/deit-tiny-imagenet.md" \
            "says, or set PWF_WEIGHTS in $pwf_site to the folder they are in." >&2
        return 66
    fi
    pwf_job "configs/$name.yaml" "$name" "$@"
}
