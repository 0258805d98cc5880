#!/usr/bin/env bash
# Every documented declaration of a public header says whether it is collective: a comment that is
# directly followed by a function declaration has a line that begins with Collective or Local, or
# stands in a group whose first comment does.
set -euo pipefail
bad=0
while read -r header; do
    awk -v file="$header" '
        /^\/\*\*/ { comment = ""; inside = 1 }
        inside { comment = comment "\n" $0; if (/\*\//) { inside = 0; fresh = 1 } next }
        /^[a-z].*\(.*/ && !/^(static|typedef|enum|struct|extern)/ && !/^#/ {
            if (fresh && comment !~ /\n \* (Collective|Local)/) {
                printf "%s:%d: neither Collective nor Local: %s\n", file, NR, $0; bad = 1
            }
            fresh = 0
        }
        /^typedef|^struct|^enum|^#define/ { fresh = 0 }
        END { exit bad }
    ' "$header" || bad=1
done < <(find include -name '*.h')
exit $bad
