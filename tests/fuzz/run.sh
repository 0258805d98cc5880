#!/usr/bin/env bash
# run.sh BUILD TARGET [libFuzzer options]: fuzzes one target of a build with the preset `fuzz`. What it
# finds new goes to BUILD/corpus/TARGET, what goes wrong to BUILD/found/TARGET-*.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1 target=$2
shift 2
mkdir -p "$build/corpus/$target" "$build/found"
TMPDIR=$(mktemp -d "$(if [ -w /dev/shm ]; then echo /dev/shm; else echo "$build"; fi)/fuzz-XXXXXX")
export TMPDIR
# Large pieces of memory are used again soon: fresh pages for each input would take most of the time.
export ASAN_OPTIONS=quarantine_size_mb=4:allocator_release_to_os_interval_ms=-1
trap 'rm -rf "$TMPDIR"' EXIT
options=(-timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 -print_final_stats=1
    -artifact_prefix="$build/found/$target-")
[ -f "$here/$target.dict" ] && options+=(-dict="$here/$target.dict")
[ "$target" != checkpoint ] && [ "$target" != archive ] && options+=(-max_len=4096)
[ "$target" = cifar ] && options+=(-max_len=6150)
"$build/tests/fuzz_$target" "${options[@]}" "$@" "$build/corpus/$target" "$here/corpus/$target"
