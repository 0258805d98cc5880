#!/usr/bin/env bash
# Shell scripts parse and pass shellcheck. A change of a lib.sh, which others source, checks all again.
set -euo pipefail
# shellcheck source=tests/lint/passed.sh
. "$(dirname "$0")/passed.sh"
mapfile -t scripts < <(find jobs slurm tests cmake .ci -name '*.sh' -o -path '.ci/run' -o -name '*.slurm')
key=$(shellcheck --version && find tests -name lib.sh -exec cat {} +)
mapfile -t new < <(unchecked shell "$key" "${scripts[@]}")
failed=()
while IFS= read -r script; do failed+=("$script"); done < <(
    # shellcheck disable=SC2016
    printf '%s\0' ${new[@]+"${new[@]}"} | xargs -0 -r -n 1 -P 2 bash -c \
        '[ -z "$1" ] || { bash -n "$1" && shellcheck -x "$1"; } >&2 || echo "$1"' _)
mapfile -t good < <(printf '%s\n' "${scripts[@]}" | grep -vxF "$(printf '%s\n' ${failed[@]+"${failed[@]}"} /)")
remember shell "$key" "${good[@]}"
[ ${#failed[@]} = 0 ]
