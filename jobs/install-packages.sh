#!/usr/bin/env bash
# Installs the Debian packages needed to build, and with the argument `test` to test. Without root or sudo it lists
# what is missing and where clusters usually provide it, and exits with 69.
set -euo pipefail

packages=(build-essential cmake ninja-build pkg-config openmpi-bin libopenmpi-dev
    libhdf5-openmpi-dev libopenblas-pthread-dev libyaml-dev libdnnl-dev librandom123-dev
    libxxhash-dev libjansson-dev zlib1g-dev libjpeg62-turbo-dev
    libpng-dev dataset-fashion-mnist)
if [ "${1:-build}" = test ]; then
    packages+=(libcmocka-dev clang clang-format shellcheck hdf5-tools slurm-wlm munge doxygen graphviz)
fi

# Looks for the programs, libraries and headers themselves, which may come from modules, Spack or another
# distribution.
look_for_parts() {
    local tool module header
    missing=()
    for tool in cmake ninja pkg-config mpicc mpirun; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    for module in yaml-0.1 jansson libxxhash zlib openblas libjpeg libpng; do
        pkg-config --exists "$module" 2>/dev/null || missing+=("$module")
    done
    pkg-config --exists hdf5-openmpi 2>/dev/null || pkg-config --exists hdf5 2>/dev/null ||
        missing+=("hdf5+mpi")
    for header in oneapi/dnnl/dnnl.h Random123/philox.h; do
        echo "#include <$header>" | mpicc -E - >/dev/null 2>&1 || missing+=("$header")
    done
    [ -d "${PWF_DATA_PATH:-/usr/share/datasets/fashion-mnist}" ] || missing+=(fashion-mnist)
}

missing=()
if command -v dpkg-query >/dev/null; then
    for package in "${packages[@]}"; do
        status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$status" = installed ] || missing+=("$package")
    done
else
    look_for_parts
fi
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
    echo "Installing packages: ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    exit 0
fi
if [ "${1:-build}" = build ]; then
    look_for_parts
    [ "${#missing[@]}" -gt 0 ] || exit 0
fi

cat >&2 <<EOF
These are missing, and installing them needs root or sudo:
    ${missing[*]}
On a cluster they usually come as modules, for example
    module load gcc openmpi hdf5 openblas cmake
or from Spack:
    spack install openmpi hdf5+mpi openblas libyaml onednn random123 xxhash jansson zlib libjpeg-turbo libpng cmake ninja
    spack load openmpi hdf5 openblas libyaml onednn random123 xxhash jansson zlib libjpeg-turbo libpng cmake ninja
Fashion-MNIST is four .gz files in IDX format; name their directory: export PWF_DATA_PATH=...
EOF
exit 69
