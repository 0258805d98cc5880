#!/usr/bin/env bash
# Shell scripts parse and pass shellcheck.
set -euo pipefail
# shellcheck source=tests/lint/passed.sh
. "$(dirname "$0")/passed.sh"
mapfile -t scripts < <(find jobs slurm tests .ci -name '*.sh' -o -path '.ci/run' -o -name '*.slurm')
version=$(shellcheck --version)
mapfile -t new < <(unchecked shell "$version" "${scripts[@]}")
for script in ${new[@]+"${new[@]}"}; do bash -n "$script"; done
[ ${#new[@]} = 0 ] || shellcheck "${new[@]}"
remember shell "$version" "${scripts[@]}"
