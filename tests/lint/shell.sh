#!/usr/bin/env bash
# Shell scripts parse and pass shellcheck. A change of a lib.sh, which others source, checks all again.
set -euo pipefail
# shellcheck source=tests/lint/passed.sh
. "$(dirname "$0")/passed.sh"
mapfile -t scripts < <(find jobs slurm tests cmake .ci -name '*.sh' -o -path '.ci/run' -o -name '*.slurm')
key=$(shellcheck --version && find tests -name lib.sh -exec cat {} +)
mapfile -t new < <(unchecked shell "$key" "${scripts[@]}")
for script in ${new[@]+"${new[@]}"}; do bash -n "$script"; done
[ ${#new[@]} = 0 ] || printf '%s\0' "${new[@]}" | xargs -0 -n 12 -P 2 shellcheck -x
remember shell "$key" "${scripts[@]}"
