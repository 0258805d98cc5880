# What all jobs share. A job is a few #SBATCH lines, a `source` of this file, and one line of work:
#     pwf_job configs/NAME.yaml NAME [options of pwf_dist]
# It trains into the run directory NAME and takes up the newest checkpoint there, so the same job may be
# submitted again after a stop (exit code 75) or a failure. Submit from the clone.
# shellcheck shell=bash

pwf_job() {
    local config=$1 name=$2 home=${SLURM_SUBMIT_DIR:-$PWD} site code=0
    shift 2
    site=$home/slurm/site.sh
    if [ -e "$home/slurm/site.local.sh" ]; then site=$home/slurm/site.local.sh; fi
    # shellcheck source=slurm/site.sh
    source "$site"
    local programs=${PWF_PROGRAMS:-$home/build/bin} output=${PWF_SCRATCH:-$home/runs}/$name
    if [ ! -x "$programs/pwf_dist" ]; then
        echo "pwf_dist is not in $programs: build it (cmake --preset release && cmake --build --preset" \
            "release), or set PWF_PROGRAMS in $site" >&2
        return 69
    fi
    cd "$home" || return 66
    echo "job ${SLURM_JOB_ID:-none}, restart ${SLURM_RESTART_COUNT:-0}, nodes ${SLURM_JOB_NODELIST:-local}:" \
        "$config into $output"
    "${PWF_LAUNCH[@]}" "$programs/pwf_dist" -c "$config" --output "$output" --resume auto "$@" ||
        code=$?
    if [ "$code" = 75 ]; then
        echo "stopped in time; submit the job again to go on"
    fi
    return "$code"
}
