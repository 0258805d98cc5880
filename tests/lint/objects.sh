# shellcheck shell=bash
# Sourced by the checks that look at compiled files.

# objects: lines "OBJECT SOURCE" for every object under PWF_BUILD_DIR whose source still exists.
objects() {
    find "$PWF_BUILD_DIR/src" -name '*.c.o' | while read -r object; do
        room=${object#"$PWF_BUILD_DIR/src/"} room=${room%%/*} file=src/$room/$(basename "$object" .o)
        [ ! -e "$file" ] || echo "$object $file"
    done
}
