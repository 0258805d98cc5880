#!/usr/bin/env bash
# Runs all tests; continuous integration calls it. Usage: tests/run.sh [CTEST_OPTION...]
#
# It installs the packages that the tests need, and then runs
#   - the whole suite (preset test);
#   - the tests with the labels unit and golden under AddressSanitizer, which also finds leaks, and
#     UndefinedBehaviorSanitizer (preset asan);
#   - the tests of threads under ThreadSanitizer (preset tsan);
#   - a build with clang, whose warnings are errors (preset clang).
# With options, only the suite runs, and ctest gets them: tests/run.sh -L unit
set -euo pipefail
cd "$(dirname "$0")/.."

unset "${!PWF_@}" # settings from the environment would change the tests
if command -v ccache >/dev/null; then export CMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER-ccache}; fi
# Many tests use one process at a time or wait, so two for each processor keep the processors busy.
tests_at_a_time=$((2 * $(nproc)))

step() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

presets=(test asan tsan clang)
[ $# = 0 ] || presets=(test)
bash jobs/install-packages.sh test
# All builds come first: ranks that wait for messages yield, and would lose whole time slices to compilers.
for preset in "${presets[@]}"; do
    step "build: $preset"
    cmake --preset "$preset" >/dev/null
    cmake --build --preset "$preset"
done

step "tests"
ctest --test-dir build-test --output-on-failure --parallel "$tests_at_a_time" "$@"
[ $# = 0 ] || exit 0
for preset in asan tsan; do
    step "tests of the preset $preset"
    ctest --preset "$preset" --parallel "$tests_at_a_time"
done
step "done"
