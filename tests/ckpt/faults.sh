#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Kills one of two ranks at every fault point that it passes in a commit and in a prune. Afterwards
# the newest acknowledged checkpoint, or a newer one, loads with the right contents, and the next
# write leaves nothing else in the directory. Usage: faults.sh MPIEXEC PROGRAM
set -u
mpiexec=$1
program=$2
rm -rf faults
mkdir faults
bad=0
kills=0

# Ranks that survive a kill are ended at once instead of after a second.
export OMPI_MCA_odls_base_sigkill_timeout=0

fail() {
  echo "FAILED $*"
  bad=$((bad + 1))
}

# one POINT RANK COUNT WRITER
one() {
  local case="$4 $1 rank $2" acknowledged loaded code
  rm -rf faults/run && mkdir faults/run
  PWF_TEST_FAULT="$1:$2:$3:kill" timeout 60 "$mpiexec" -n 2 "$program" 2 write faults/run 1 4 "$4" \
    > faults/out 2> faults/err
  code=$?
  grep -q "fault kill at $1" faults/err || { fail "$case: the fault did not fire"; return; }
  [ "$code" -eq 137 ] || fail "$case: code $code instead of 137"
  acknowledged=$(sed -n 's/^committed //p' faults/out | tail -1)
  # The next attempt, on another mesh, goes on from there and cleans up.
  timeout 60 "$mpiexec" -n 1 "$program" 1 again faults/run > faults/out 2>> faults/err ||
    { fail "$case: the next attempt fails"; cat faults/err; return; }
  loaded=$(sed -n 's/^loaded \([0-9]*\) .*/\1/p' faults/out)
  [ "$loaded" -ge "${acknowledged:-0}" ] || fail "$case: loaded $loaded, acknowledged $acknowledged"
  [ -z "$(find faults/run -mindepth 1 ! -name 'ckpt-[0-9]*.h5')" ] ||
    fail "$case: left behind: $(ls -A faults/run)"
}

# Of the second writer only what it does otherwise.
for job in pwrite:0:. pwrite:1:. mpiio:0:open,data,close mpiio:1:open,data,close; do
  IFS=: read -r writer rank part <<< "$job"
  PWF_TEST_FAULT="*:$rank:1:list" "$mpiexec" -n 2 "$program" 2 write faults 1 3 "$writer" 2> faults/points > /dev/null
  points=$(sed -n 's/^fault point //p' faults/points | sort -u | grep -E "${part//,/|}")
  rm -f faults/*.h5
  for point in $points; do
    # In the third write, when there are two checkpoints; the first time something is pruned.
    count=3
    [ "$point" = ckpt.prune_trashed ] && count=1
    one "$point" "$rank" "$count" "$writer"
    kills=$((kills + 1))
  done
done
rm -rf faults
echo "$kills kills at named points: $bad bad"
[ "$bad" -eq 0 ] && [ "$kills" -ge 36 ] # 18 points on rank 0, 14 on rank 1, 2 x 3 of mpiio
