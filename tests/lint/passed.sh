# shellcheck shell=bash
# Sourced by the checks that look at one file at a time: they need not look at a file again that
# passed before. PWF_LINT_CACHE is the folder that remembers; without it every file is checked.

# unchecked NAME KEY FILE ...: prints the files whose contents have not passed check NAME under KEY
# (the version and the settings of the tool).
unchecked() {
    local passed=${PWF_LINT_CACHE:-/nonexistent}/$1.passed key
    key=$(echo "$2" | sha256sum | cut -c1-16)
    [ -e "$passed" ] || passed=/dev/null
    sha256sum "${@:3}" | awk -v key="$key" -v passed="$passed" '
        BEGIN { while ((getline line < passed) > 0) seen[line] = 1 }
        !((key $1) in seen) { print substr($0, 67) }'
}

# remember NAME KEY FILE ...: all these files have passed.
remember() {
    local key
    [ -d "${PWF_LINT_CACHE:-}" ] || return 0
    key=$(echo "$2" | sha256sum | cut -c1-16)
    sha256sum "${@:3}" | awk -v key="$key" '{ print key $1 }' >"$PWF_LINT_CACHE/$1.new"
    mv "$PWF_LINT_CACHE/$1.new" "$PWF_LINT_CACHE/$1.passed"
}
