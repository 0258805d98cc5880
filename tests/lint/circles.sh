#!/usr/bin/env bash
# No circle of calls: a file uses no symbol of a file that uses, by whatever way, one of its own;
# nor does a room of a room. circles.allow lists the rooms whose files still have circles.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# shellcheck source=tests/lint/objects.sh
. "$here/objects.sh"
objects >"$work/objects"
[ -s "$work/objects" ] || { echo "no objects in $PWF_BUILD_DIR: build first"; exit 1; }

# Lines "D|U file symbol".
cut -d' ' -f1 "$work/objects" | xargs nm -A --portability | awk '
    FNR == NR { source[$1] = $2; next }
    {
        object = $1; sub(/:$/, "", object)
        if ($3 == "U") print "U", source[object], $2
        else if ($3 ~ /^[TDBRVWC]$/) print "D", source[object], $2
    }' "$work/objects" - | sort -u >"$work/symbols"
awk '
    $1 == "D" { home[$3] = $2 }
    $1 == "U" { file[++n] = $2; wants[n] = $3 }
    END { for (i = 1; i <= n; i++) if (wants[i] in home && home[wants[i]] != file[i]) print file[i], home[wants[i]] }
    ' "$work/symbols" | sort -u >"$work/uses"

bad=0
# loops NAME FILE: prints the loops of a list of pairs; tsort ends with 1 if there is one.
loops() {
    if ! tsort "$2" >/dev/null 2>"$work/loops"; then
        echo "circle of $1:"
        sed 's/^tsort: -*//; s/^.*input contains a loop:/  one circle:/' "$work/loops"
        bad=1
    fi
}
awk -v allow="$here/circles.allow" '
    BEGIN { while ((getline line < allow) > 0) allowed[line] = 1 }
    { split($1, a, "/"); split($2, b, "/"); if (a[2] != b[2] || !(a[2] in allowed)) print }' "$work/uses" >"$work/kept"
loops files "$work/kept"
sed -E 's#src/([a-z0-9]+)/[^ ]*#\1#g' "$work/uses" | awk '$1 != $2' | sort -u >"$work/rooms"
loops rooms "$work/rooms"
exit $bad
