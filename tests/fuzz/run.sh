#!/usr/bin/env bash
# Fuzzes one target of a build with the preset `fuzz`. Usage: run.sh BUILD TARGET [libFuzzer options]
# New inputs go to BUILD/corpus/TARGET, failing ones to BUILD/found/TARGET-*.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1 target=$2
shift 2
mkdir -p "$build/corpus/$target" "$build/found"
TMPDIR=$(mktemp -d "$(if [ -w /dev/shm ]; then echo /dev/shm; else echo "$build"; fi)/fuzz-XXXXXX")
export TMPDIR
# Reuse large blocks of memory early: fresh pages for each input would take most of the time.
export ASAN_OPTIONS=quarantine_size_mb=4:allocator_release_to_os_interval_ms=-1
trap 'rm -rf "$TMPDIR"' EXIT
options=(-timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 -print_final_stats=1
    -artifact_prefix="$build/found/$target-")
[ -f "$here/$target.dict" ] && options+=(-dict="$here/$target.dict")
case $target in
    checkpoint | archive) ;;
    cifar) options+=(-max_len=6150) ;;
    *_h5) # libhdf5 crashes and leaks: continue, and sort the crashes afterwards
        ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
        options+=(-max_len=256 -detect_leaks=0 -fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1)
        ;;
    *) options+=(-max_len=4096) ;;
esac
code=0
"$build/tests/fuzz_$target" "${options[@]}" "$@" "$build/corpus/$target" "$here/corpus/$target" || code=$?
[[ $target = *_h5 ]] || exit "$code"

# A crash belongs to the first frame that is neither in a sanitizer nor in the C library.
theirs=0 ours=0
for input in "$build/found/$target-"*; do
    [ -e "$input" ] || continue
    timeout 60 "$build/tests/fuzz_$target" "${options[@]:0:4}" -detect_leaks=0 "$input" >"$TMPDIR/report" 2>&1 && continue
    frame=$(grep -E '^ +#[0-9]+ ' "$TMPDIR/report" | grep -m 1 -E "libhdf5|$(cd "$here/../.." && pwd)/(src|tests)/" || true)
    case $frame in
        *libhdf5*) theirs=$((theirs + 1)) && rm "$input" ;;
        *) ours=$((ours + 1)) && echo "not in libhdf5: $input" ;;
    esac
done
echo "crashes: $theirs in libhdf5, $ours elsewhere"
[ "$ours" = 0 ]
