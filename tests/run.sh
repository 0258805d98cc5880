#!/usr/bin/env bash
# Installs what the tests need, builds, and runs all tests: the whole suite; the unit tests again
# under ASan and UBSan; and a build with clang, whose warnings are errors too. With arguments, only
# the suite, and they go to ctest: bash tests/run.sh -L unit
set -euo pipefail
cd "$(dirname "$0")/.."

unset "${!PWF_@}" # settings of runs are not meant for the tests

build() { # build PRESET
    printf '\n== build: %s\n' "$1"
    cmake --preset "$1" >/dev/null
    cmake --build --preset "$1"
}

bash jobs/install-packages.sh test
build test
printf '\n== tests\n'
ctest --test-dir build-test --output-on-failure --parallel 2 "$@"
[ $# = 0 ] || exit 0

build asan
printf '\n== tests under ASan and UBSan\n'
ctest --test-dir build-asan --output-on-failure --parallel 2 -L 'unit|golden'
build clang
