#!/usr/bin/env bash
# Ranks that see different files, and processes that were started incorrectly.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
images=/usr/share/datasets/fashion-mnist

dist 1 options.log -c "$tiny" --output run --check : -n 1 "$PWF_BIN_DIR/pwf_dist" -c "$tiny" --output run
expect 69 "ranks with different options"
says options.log "rank 1 has a different command line"
check "nothing was written" test ! -e run

# The same path names other images on the second host.
mkdir host0 host1
ln -s "$images" host0/images
cp -r "$images" host1/images
rm host1/images/t10k-labels*
gzip -dc "$images"/t10k-labels*.gz >host1/images/t10k-labels-idx1-ubyte
printf '\1' | dd of=host1/images/t10k-labels-idx1-ubyte bs=1 seek=9 conv=notrunc status=none
cat >there.sh <<END
cd "host\$OMPI_COMM_WORLD_RANK"
exec "$PWF_BIN_DIR/pwf_dist" "\$@"
END
code=0
timeout -k 5 60 mpirun --oversubscribe --bind-to none -n 2 bash there.sh -c "$tiny" --output "$PWD/run" \
    --set data.path=images >images.log 2>&1 </dev/null || code=$?
expect 65 "ranks with different images"
says images.log "rank 1 has a different set of images"
check "no checkpoint" test -z "$(find . -name '*.h5')"

# A run survives when the reader of its output ends.
code=0
{ "$PWF_BIN_DIR/pwf_dist" -c "$tiny" --output unread --set checkpoint.stop_after=8 --set log.level=debug 2>&1 &&
    echo 0 >unread.code || echo $? >unread.code; } | true
code=$(cat unread.code)
expect 75 "nobody reads the messages"
finish
