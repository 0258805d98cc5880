#!/usr/bin/env bash
# The comments of the public headers make a manual without warnings (target `docs`). Skipped without doxygen.
set -euo pipefail
command -v doxygen >/dev/null || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
sed -e "s#@PWF_DOXYGEN_OUTPUT@#$out#; s#@CMAKE_SOURCE_DIR@#$PWD#; s#@[A-Z_]*@##g" cmake/Doxyfile.in >"$out/Doxyfile"
doxygen "$out/Doxyfile"
