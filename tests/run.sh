#!/usr/bin/env bash
# Runs all tests; continuous integration calls it. Usage: tests/run.sh [CTEST_OPTION...]
#
# It installs the packages that the tests need, and then runs
#   - the whole suite (preset test);
#   - the tests with the labels unit and golden under AddressSanitizer, which also finds leaks, and
#     UndefinedBehaviorSanitizer (preset asan);
#   - the tests of threads under ThreadSanitizer (preset tsan);
#   - a build with clang, whose warnings are errors (preset clang).
# The other builds use the time in which the suite waits for disks and processes. With options,
# only the suite runs, and ctest gets them: tests/run.sh -L unit
set -euo pipefail
cd "$(dirname "$0")/.."

unset "${!PWF_@}" # settings from the environment would change the tests
if command -v ccache >/dev/null; then export CMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER-ccache}; fi
# Many tests use one process at a time or wait, so two for each processor keep the processors busy.
tests_at_a_time=$((2 * $(nproc)))

step() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

build() { # build PRESET
    cmake --preset "$1" >/dev/null
    cmake --build --preset "$1"
}

bash jobs/install-packages.sh test
step "build: test"
build test

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
builds=()
if [ $# = 0 ]; then
    # Idle priority: ranks that wait for messages yield, and would lose whole time slices to compilers.
    (chrt --idle --pid 0 "$BASHPID" || renice -n 19 "$BASHPID" >/dev/null
    for preset in asan tsan clang; do
        (build $preset) >"$logs/$preset" 2>&1 || { tail -n 40 "$logs/$preset"; exit 1; }
    done) >"$logs/failed" &
    builds=($!)
fi
step "tests"
ctest --test-dir build-test --output-on-failure --parallel "$tests_at_a_time" "$@"
[ $# = 0 ] || exit 0

step "the other builds"
wait "${builds[0]}" || { cat "$logs/failed"; exit 1; }
step "tests under AddressSanitizer and UndefinedBehaviorSanitizer"
ctest --preset asan --parallel "$tests_at_a_time"
step "tests under ThreadSanitizer"
ctest --preset tsan --parallel "$tests_at_a_time"
step "done"
