# Invalid command lines and environments: refused with 64 or 78, or without effect.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/faults/input.sh
source "$PWF_SOURCE_DIR/tests/faults/input.sh"
title="hostile command lines and environments"
units="1 2 21"

setup() { whole_run; }

unit() {
    local long
    if [ "$1" != 1 ]; then
        fuzz cli 50000
        fuzz set 50000
        fuzz val_list 100000
        return
    fi
    replay cli
    replay set
    replay val_list
    long=$(head -c 100000 /dev/zero | tr '\0' a)
    reader 64 "an argument of 100 kB" "$PWF_BIN_DIR/pwf" "$long"
    reader 64 "an empty argument" "$PWF_BIN_DIR/pwf" ""
    reader 64 "pwf inspect -" "$PWF_BIN_DIR/pwf" inspect --
    reader 66 "a name of 100 kB" "$PWF_BIN_DIR/pwf" verify "$long"
    reader 66 "../" "$PWF_BIN_DIR/pwf" verify ../nothing/../../nothing
    reader 64 "pwf_dist, a word" "$PWF_BIN_DIR/pwf_dist" -
    reader 78 "pwf_dist, --set of 100 kB" "$PWF_BIN_DIR/pwf_dist" --check --set "model.name=$long"
    reader 78 "a variable of 100 kB" env PWF_MODEL_NAME="$long" "$PWF_BIN_DIR/pwf_dist" --check
    reader 78 "an unknown variable" env PWF_MODEL_NAMES=x "$PWF_BIN_DIR/pwf_dist" --check

    # All of these at once change nothing.
    mkdir -p locale
    localedef -i de_DE -f UTF-8 ./locale/de_DE.UTF-8 || true # numbers with a decimal comma, if the locale can be created
    (
        export LOCPATH=$PWD/locale LC_ALL=de_DE.UTF-8
        export HDF5_PLUGIN_PATH=/etc HDF5_DRIVER=nonsense HDF5_VOL_CONNECTOR=nonsense HDF5_USE_FILE_LOCKING=BEST
        export HDF5_DISABLE_VERSION_CHECK=0 OMPI_MCA_io=romio321 OMPI_MCA_coll_tuned_use_dynamic_rules=1
        export OMPI_MCA_coll_tuned_allreduce_algorithm=4 OMPI_MCA_mpi_param_check=0 OMP_NUM_THREADS=banana
        export OPENBLAS_NUM_THREADS=-7 DNNL_VERBOSE=nonsense MALLOC_PERTURB_=165 TZ=:/etc/passwd TERM=nonsense
        rm -rf run
        dist 2 run.log "${settings[@]}" --output run
        expect 0 "a run"
        same_rows whole run
        same_state whole run
        case_is good "variables of Open MPI, HDF5, OpenBLAS, oneDNN and the locale"
    )
}
