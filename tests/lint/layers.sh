#!/usr/bin/env bash
# A room includes only headers of rooms it links, and each foreign header has one owner.
set -euo pipefail
bad=0
complain() { echo "$1"; bad=1; }

for dir in src/*/; do
    room=$(basename "$dir")
    [ "$room" = app ] && continue
    needs=$(sed -n 's/^ *NEEDS *//p' "$dir/CMakeLists.txt" | tr -d ')')
    while read -r used; do
        case " $room $needs " in
            *" $used "*) ;;
            *) complain "$dir includes pwf/$used/ but does not name $used in NEEDS" ;;
        esac
    done < <(find "$dir" "include/pwf/$room" -name '*.[ch]' -exec cat {} + |
        sed -n 's/^#include "pwf\/\([a-z0-9]*\)\/.*/\1/p' | sort -u)
done

# A public header includes public headers only, by their full names; a .c file leaves its folder so too.
while read -r line; do complain "$line"; done < <(
    grep -rnE '^#include "' include | grep -v '"pwf/' || true
    grep -rnE '^#include "([^"]*/)?\.\./' src include || true)

owner() { # header pattern, rooms that may include it
    local pattern=$1 rooms=" $2 " file room
    while read -r file; do
        room=$(echo "$file" | sed -E 's#^(src|include/pwf)/([a-z0-9]+)/.*#\2#')
        case "$rooms" in *" $room "*) ;; *) complain "$file includes $pattern" ;; esac
    done < <(grep -rlE "^#include <$pattern" src include)
}
owner 'mpi\.h' 'mesh ckpt'
owner 'hdf5\.h' 'h5 arrays ckpt'
owner 'cblas\.h' 'tensor'
owner '(oneapi/dnnl/)?dnnl' 'tensor'
owner 'yaml\.h' 'config'
owner 'zlib\.h' 'data formats'
owner 'jpeglib\.h' 'image'
owner 'png\.h' 'image'
owner 'jansson\.h' 'core'
owner 'xxhash\.h' 'core decoder'
owner 'Random123' 'core'
exit $bad
