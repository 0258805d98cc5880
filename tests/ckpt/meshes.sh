#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Save on n ranks, load on m ranks, for every mesh of 1 to 4 ranks: the same state, the same
# fingerprint, and the same contents outside /run. Usage: meshes.sh MPIEXEC PROGRAM
set -eu
mpiexec=$1
program=$2
rm -rf mesh_*

meshes="1x1 2x1 2x2 3x1 3x3 4x1 4x2 4x4" # ranks x shards
dirs=
files=
for m in $meshes; do
  mkdir "mesh_$m"
  "$mpiexec" -n "${m%x*}" "$program" "${m#*x}" write "mesh_$m" 123 123 > /dev/null
  dirs="$dirs mesh_$m"
  files="$files mesh_$m/ckpt-0000000123.h5"
done
for m in $meshes; do
  # shellcheck disable=SC2086
  "$mpiexec" -n "${m%x*}" "$program" "${m#*x}" load $dirs > "loaded_$m"
done
cat loaded_* | sort | uniq -c
test "$(cat loaded_* | wc -l)" -eq 64
test "$(cat loaded_* | sort -u | wc -l)" -eq 1
# shellcheck disable=SC2086
"$mpiexec" -n 1 "$program" 1 same $files
rm -rf mesh_* loaded_*
