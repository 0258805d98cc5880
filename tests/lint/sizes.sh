#!/usr/bin/env bash
# Source files stay under 600 lines of at most 100 columns, the decoder that others copy at 300.
set -euo pipefail
bad=0
# shellcheck disable=SC2016
find src include tests -name '*.[ch]' -print0 | xargs -0 awk '
    FNR == 1 && NR > 1 { files(last, lines) }
    { last = FILENAME; lines = FNR }
    length($0) > 100 { printf "%s:%d: %d columns\n", FILENAME, FNR, length($0); bad = 1 }
    function files(name, count) {
        if (count >= (name == "src/decoder/decode.c" ? 301 : 600)) { printf "%s has %d lines\n", name, count; bad = 1 }
    }
    END { files(last, lines); exit bad }' || bad=1
exit $bad
