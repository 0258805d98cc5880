#!/usr/bin/env bash
# Source files stay under 600 lines of at most 100 columns, the decoder that others copy at 300.
set -euo pipefail
bad=0
while read -r file; do
    lines=$(wc -l <"$file")
    if [ "$lines" -ge 600 ]; then echo "$file has $lines lines"; bad=1; fi
    if grep -nE '^.{101,}$' "$file" /dev/null; then bad=1; fi
done < <(find src include tests -name '*.[ch]')
if [ "$(wc -l <src/decoder/decode.c)" -gt 300 ]; then echo "src/decoder/decode.c has more than 300 lines"; bad=1; fi
exit $bad
