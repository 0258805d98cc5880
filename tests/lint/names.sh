#!/usr/bin/env bash
# A struct name occurs in one file only, and a public name of a room begins with pwf_ and a word that
# names.prefixes permits the room.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tags() { find "${@:2}" -name '*.[ch]' -print0 | sort -z |
    xargs -0 ctags --sort=no --language-force=C "--kinds-C=$1" -x --_xformat='%N %F' | grep -v -e '^__anon' -e '^offsetof '; }
bad=0
tags sug src include | sort -u | awk '
    { count[$1]++; files[$1] = files[$1] " " $2 }
    END { for (name in count) if (count[name] > 1) { print "struct " name " is defined in" files[name]; bad = 1 } exit bad }' || bad=1
tags pfst include/pwf | awk -v prefixes="$here/names.prefixes" '
    BEGIN { while ((getline line < prefixes) > 0) { n = split(line, word, " "); for (i = 2; i <= n; i++) permitted[word[1] word[i]] = 1 } }
    {
        split($2, part, "/"); room = part[3]; prefix = $1
        if (!sub(/^pwf_/, "", prefix)) prefix = ""
        sub(/_.*/, "", prefix)
        if (!((room ":" prefix) in permitted)) { printf "%s: %s: not a permitted prefix of %s (tests/lint/names.prefixes)\n", $2, $1, room; bad = 1 }
    }
    END { exit bad }' || bad=1
exit $bad
