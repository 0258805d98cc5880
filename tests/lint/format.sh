#!/usr/bin/env bash
# All C files are as clang-format leaves them.
set -euo pipefail
# shellcheck source=tests/lint/passed.sh
. "$(dirname "$0")/passed.sh"
mapfile -t files < <(find src include tests -name '*.[ch]')
key=$(clang-format --version && cat .clang-format)
mapfile -t new < <(unchecked format "$key" "${files[@]}")
[ ${#new[@]} = 0 ] || clang-format --dry-run --Werror "${new[@]}"
remember format "$key" "${files[@]}"
