#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Both writers on a file system that fails: each system call that a commit makes on its files, on
# each of two ranks, fails, does half of its work, or lies; then full disks and file size limits.
# A case ends in a good file or in a refusal with the one before still there. After a hang or a crash
# the sweep goes on behind it. Of `mpiio` a hang is known and only counted. Prints a table.
# Usage: sweep.sh MPIEXEC PROGRAM quick|all [WRITER ...]
set -u
mpiexec=$1 program=$2 tier=$3
shift 3
[ $# != 0 ] || set -- pwrite mpiio
export OMPI_MCA_odls_base_sigkill_timeout=0
rm -rf sweep && mkdir sweep

# one LOG ARGUMENTS...: runs the program on a fresh directory; its code in $code
one() {
  local log=$1
  shift
  timeout -k 5 300 "$mpiexec" -n 2 "$program" "$@" >"$log" 2>>"$log.err" </dev/null
  code=$?
}

# calls WRITER CALL KIND once|ever: from the first call of rank 0 to the last of rank 1
calls() {
  local writer=$1 rank=0 n=1 log=sweep/$1.$2.$3.$4 last
  : >"$log"
  for ((lives = 0; lives < 200; lives++)); do
    rm -rf sweep/dir && mkdir sweep/dir
    one sweep/now "$writer" call sweep/dir "$2" "$3" "$4" "$rank" "$n"
    last=$(grep '^case' sweep/now | tail -n 1)
    if [ -n "$last" ] && [ "$(echo "$last" | wc -w)" -lt 7 ]; then
      sed -i '$ d' sweep/now
      echo "$last CRASH $code" >>sweep/now
    fi
    cat sweep/now >>"$log"
    if grep -q '^done' sweep/now || [ -z "$last" ]; then break; fi
    rank=$(echo "$last" | cut -d ' ' -f 5)
    n=$(($(echo "$last" | cut -d ' ' -f 6) + 1))
  done
  grep -q '^done' "$log" || echo "case $2 $3 $4 0 0 UNFINISHED" >>"$log"
}

# kinds WRITER: what is tried; the last case of each finds no call left to strike and must be good.
kinds() {
  if [ "$tier" = all ]; then
    printf '%s\n' "write eio once" "write eio ever" "write enospc once" "write enospc ever" \
      "write edquot once" "write short once" "write short ever" "write eintr once" \
      "write lost once" "write misdirected once" "read eio once" "read short ever" \
      "read eintr once" "sync eio once" "sync eintr once" "open eio once" "open enospc once" \
      "reserve enospc once" "reserve edquot once" "reserve eintr once" "reserve eopnotsupp ever" \
      "rename eio once" "mode eio once"
  elif [ "$1" = pwrite ]; then
    printf '%s\n' "write enospc once" "write short ever" "write lost once" "sync eio once" \
      "sync eintr once" "open eio once" "reserve enospc once" "reserve eopnotsupp ever" \
      "rename eio once"
  else
    printf '%s\n' "write enospc once" "sync eio once"
  fi
}

for writer in "$@"; do
  while read -r call kind often; do calls "$writer" "$call" "$kind" "$often"; done < <(kinds "$writer")

  [ "$tier" = all ] || [ "$writer" = pwrite ] || continue

  # A disk with room for less and less of it, which says so beforehand or does not.
  mkdir -p sweep/small
  if mount -t tmpfs -o size=4m none sweep/small 2>/dev/null; then
    for kind in none eopnotsupp; do
      rm -rf sweep/small/* && mkdir sweep/small/dir
      one "sweep/$writer.full.$kind.ever" "$writer" full sweep/small/dir sweep/small "$kind"
      [ "$code" = 0 ] || [ "$code" = 79 ] || echo "case full $kind ever 0 0 CRASH $code" >>"sweep/$writer.full.$kind.ever"
    done
    umount sweep/small
  else
    echo "no small file system here: full disks are left out"
  fi
  for rank in 0 1; do
    rm -rf sweep/dir && mkdir sweep/dir
    one "sweep/$writer.limit.rank$rank.ever" "$writer" limit sweep/dir "$rank" none
    [ "$code" = 0 ] || [ "$code" = 79 ] || echo "case limit none ever 0 0 CRASH $code" >>"sweep/$writer.limit.rank$rank.ever"
  done
done

bad=0
printf '%-7s %-8s %-11s %-5s %6s %8s %5s %6s  %s\n' writer call kind often cases refused good named bad
for log in sweep/*.*.*.once sweep/*.*.*.ever; do
  [ -e "$log" ] || continue
  IFS=. read -r writer call kind often < <(basename "$log")
  count() { grep -cE "^case( [^ ]+){5} $1( |\$)" "$log"; }
  wrong=$(grep -E '^case( [^ ]+){5} [A-Z]' "$log" | cut -d ' ' -f 7 | sort | uniq -c | tr -s ' \n' ' ')
  printf '%-7s %-8s %-11s %-5s %6s %8s %5s %6s  %s\n' "$writer" "$call" "$kind" "$often" \
    "$(grep -c '^case' "$log")" "$(count refused)" "$(count good)" "$(count named)" "${wrong:-0}"
  # Two cases at least on each sort of call: the first and the one behind the last.
  [ "$writer" = pwrite ] || wrong=$(echo "$wrong" | sed -E 's/ *[0-9]+ HANG//g; s/^ *$//')
  # What is no error must not cost the checkpoint.
  if [[ $writer.$kind =~ ^pwrite.(short|eintr|eopnotsupp)$ && $call != full ]]; then
    [ "$(count good)" = "$(grep -c '^case' "$log")" ] || wrong=given-up
  fi
  if [ -n "$wrong" ] || [ "$(grep -c '^case' "$log")" -lt 2 ]; then bad=$((bad + 1)); fi
done
[ "$bad" = 0 ] || grep -hE '^case( [^ ]+){5} [A-Z]' sweep/*.once sweep/*.ever | head -n 40
[ "$bad" = 0 ] && rm -rf sweep
[ "$bad" = 0 ]
