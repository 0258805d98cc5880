#!/usr/bin/env bash
# Installs what the tests need, builds and runs all of them. Arguments go to ctest, as -L unit.
set -euo pipefail
cd "$(dirname "$0")/.."
bash jobs/install-packages.sh test
cmake --preset test
cmake --build --preset test
ctest --test-dir build-test --output-on-failure --parallel 2 "$@"
