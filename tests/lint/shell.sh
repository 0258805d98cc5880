#!/usr/bin/env bash
# Shell scripts parse and pass shellcheck.
set -euo pipefail
mapfile -t scripts < <(find jobs slurm tests cmake .ci -name '*.sh' -o -path '.ci/run' -o -name '*.slurm')
for script in "${scripts[@]}"; do bash -n "$script"; done
shellcheck "${scripts[@]}"
