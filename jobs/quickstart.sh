#!/usr/bin/env bash
# From a fresh clone to a trained network with a few hundred weight values: installs packages, builds, and trains
# on Fashion-MNIST with two ranks. Takes about five minutes on two cores. Run it again to resume.
# Usage: bash jobs/quickstart.sh [RUN_DIRECTORY]
set -euo pipefail
cd "$(dirname "$0")/.."
output=${1:-runs/quickstart}

step() { printf '\n== %s\n' "$*"; }

step "1/3 packages"
bash jobs/install-packages.sh build

step "2/3 build into build/ (about a minute)"
cmake --preset release >build-configure.log 2>&1 || { cat build-configure.log; exit 69; }
rm -f build-configure.log
cmake --build --preset release --target pwf pwf_dist

step "3/3 train on two ranks into $output (about 3 minutes)"
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
SECONDS=0
code=0
# In its own process group, mpirun does not receive Ctrl-C, on which it would kill the ranks after a second.
set -m
mpirun -n 2 --oversubscribe --bind-to none build/bin/pwf_dist -c configs/fashion_mnist.yaml \
    --output "$output" --resume auto </dev/null &
launcher=$!
set +m
trap 'kill -USR1 "$launcher" 2>/dev/null || true' INT TERM HUP # the run writes a checkpoint and stops
while kill -0 "$launcher" 2>/dev/null; do
    code=0
    wait "$launcher" || code=$?
done
if [ "$code" != 0 ]; then
    printf '\nEnded with code %s after %d s (docs/reference/exit-codes.md). Run the same command to resume.\n' \
        "$code" "$SECONDS" >&2
    exit "$code"
fi
printf '\nTraining took %d s. The table is in %s/summary.txt, the plot in %s/rounds.svg.\n' \
    "$SECONDS" "$output" "$output"
