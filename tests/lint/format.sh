#!/usr/bin/env bash
# All C files are as clang-format leaves them.
set -euo pipefail
find src include tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror
