#!/usr/bin/env bash
# man_page.sh PROGRAM VERSION OUT: turns the program's --help into a man page.
# The help begins with a line "name: summary". Indented blocks become literal text; a line at the margin that
# ends in a colon, or "group: meaning" right before an indented block, becomes a heading. A line "  name command"
# of the help is a command, whose own --help follows as a section.
set -euo pipefail
program=$1 version=$2 out=$3
name=$(basename "$program")
mkdir -p "$(dirname "$out")"
export ASAN_OPTIONS=detect_leaks=0 # leaks are for the tests to find
help=$("$program" --help)
{
    printf '.TH %s 1 "" "pwf %s" "User commands"\n' "${name^^}" "$version"
    awk -v name="$name" '
        { sub(/[ \t]+$/, ""); line[NR] = $0 }
        function text(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); if (s ~ /^[.\x27]/) s = "\\&" s; return s }
        function literal(on) { if (on != within) print on ? ".nf" : ".fi"; within = on }
        END {
            summary = line[1]; sub(/^[^:]*: */, "", summary)
            for (i = 2; i <= NR && line[i] != ""; i++) summary = summary " " line[i]
            sub(/\.$/, "", summary)
            print ".SH NAME"; print name " \\- " text(summary)
            print ".SH SYNOPSIS"
            described = 0
            for (; i <= NR; i++) {
                s = line[i]
                if (s == "") {
                    literal(0)
                    if (!described && i > 3 && line[i - 1] != "" && i < NR) {
                        print line[i + 1] ~ /^ +-/ ? ".SH OPTIONS" : ".SH DESCRIPTION"; described = 1
                    }
                    else if (described) print ".PP"
                } else if (s ~ /^ /) { literal(1); print text(s) }
                else if (s ~ /^Exit codes:?$/) { literal(0); print ".SH EXIT STATUS" }
                else if (s ~ /^Settings, /) { literal(0); print ".SH SETTINGS"; print text(s) }
                else if (s ~ /^[A-Z][A-Za-z ]*:$/) { literal(0); sub(/:$/, "", s); print ".SH " text(toupper(s)) }
                else if (s ~ /^[a-z]+: / && line[i + 1] ~ /^ /) { literal(0); print ".SS " text(s) }
                else { literal(0); print text(s) }
            }
            literal(0)
        }' <<<"$help"
    # The options of each command, from its own help.
    while read -r command; do
        printf '.SH %s\n.nf\n' "${command^^}"
        "$program" "$command" --help | sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e 's/^\([.'"'"']\)/\\\&\1/'
        printf '.fi\n'
    done < <(sed -nE "s/^  $name ([a-z][a-z-]*) .*/\1/p" <<<"$help")
} >"$out.part"
mv "$out.part" "$out"
