#!/usr/bin/env bash
# Parameters have the same names in a function's declaration and its definition.
set -euo pipefail
find src include -name '*.[ch]' -print0 | sort -z | xargs -0 \
    ctags --sort=no --language-force=C --kinds-C=pf -x --_xformat='%{kind} %{name} %F:%n %{signature}' |
    awk '
        # Names of the parameters: the last word of each, of a function pointer the one after the star.
        function names(signature,   depth, i, c, part, out) {
            out = ""; part = ""; depth = 0
            signature = substr(signature, 2, length(signature) - 2)
            gsub(/\[[^]]*\]/, "", signature)
            for (i = 1; i <= length(signature) + 1; i++) {
                c = substr(signature, i, 1)
                if (c == "(") depth++
                if (c == ")") depth--
                if ((c == "," || c == "") && depth == 0) {
                    if (match(part, /\( *\* *[A-Za-z_0-9]+/)) part = substr(part, RSTART, RLENGTH)
                    sub(/^.*[^A-Za-z_0-9]/, "", part)
                    out = out (out == "" ? "" : ", ") part
                    part = ""
                } else part = part c
            }
            return out
        }
        {
            kind = $1; name = $2; place = $3
            sub(/^[^ ]+ [^ ]+ [^ ]+ /, "")
            list = names($0)
            file = place; sub(/:.*/, "", file)
            # A prototype in a .c file is that file'"'"'s own, a function defined in a header has no other declaration.
            key = file ~ /\.c$/ ? file ":" name : name
            if (kind ~ /^p/) { declared[key] = place; text[key] = list }
            else if (file ~ /\.c$/) { defined[++n] = name; home[n] = file; at[n] = place; own[n] = list }
        }
        END {
            for (i = 1; i <= n; i++) {
                name = (home[i] ":" defined[i]) in declared ? home[i] ":" defined[i] : defined[i]
                if (!(name in declared)) continue
                checked++
                if (text[name] != own[i]) {
                    printf "%s: %s(%s)\n    but %s: (%s)\n", at[i], defined[i], own[i], declared[name], text[name]
                    bad++
                }
            }
            printf "%d of %d definitions name their parameters differently from the declaration\n", bad, checked
            exit bad > 0
        }'
