#!/usr/bin/env bash
# Tests the bench: known cells give the table below, and a run on tiny inputs gives every group of rows and
# a file with which a later run can be compared. No measured time is checked.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
table=$PWF_BIN_DIR/../tests/bench_table

# Steps of 20 and 30 images/s, the latter reported twice: the median is 30, a tenth of the limit.
printf '%s\t%s\t%s\t%s\n' >cells \
    ceilings "fp32 matrix products, the best of those above" value 600 \
    ceilings "bf16 matrix products, the best of those above" value 1200 \
    ceilings "copying in the second-level cache" value 100 \
    ceilings "copying in memory" value 20 \
    ceilings "bf16 products from registers, AMX" value - \
    steps net ours 30 steps net ours 20 steps net ours 30 \
    steps net pytorch 9 steps net pytorch 11 steps net operations 2 \
    steps "net, bf16" ours 90 steps "net, bf16" pytorch 20 steps "net, bf16" operations 2 \
    "parts of net" "the whole step" total 10 \
    "parts of net" linear forward 2 "parts of net" linear backward 4 \
    "parts of net" linear operations 1.8 "parts of net" linear second 0.1 \
    "parts of net" gelu forward 2.5 "parts of net" gelu third 0.02 "parts of net" gelu memory 0.01 \
    "parts of net, bf16" "the whole step" total 8 \
    "parts of net, bf16" linear forward 6 "parts of net, bf16" linear operations 1.8
cat >expected <<END

Ceilings, all threads at once

|                                               |      | unit |
|-----------------------------------------------|------|------|
| fp32 matrix products, the best of those above |  600 |      |
| bf16 matrix products, the best of those above | 1200 |      |
| copying in the second-level cache             |  100 |      |
| copying in memory                             | 20.0 |      |
| bf16 products from registers, AMX             |    - |      |

Whole steps and evaluation, images a second, compared with PyTorch

|           |  pwf | PyTorch | ratio | of the product ceiling |
|-----------|------|---------|-------|------------------------|
| net       | 30.0 |    10.0 | 3.000 |                 10.0 % |
| net, bf16 | 90.0 |    20.0 | 4.500 |                 15.0 % |

Parts of a training step, milliseconds on all threads: net

|                    | forward | backward | together |   share | GFLOP/s | GB/s | bound by          | of that |
|--------------------|---------|----------|----------|---------|---------|------|-------------------|---------|
| the whole step     |       - |        - |     10.0 | 100.0 % |       - |    - |                   |       - |
| linear             |    2.00 |     4.00 |     6.00 |  60.0 % |     300 | 16.7 | products          |  50.0 % |
| gelu               |    2.50 |        - |     2.50 |  25.0 % |       - | 12.0 | third-level cache |  60.0 % |
| not in a row above |       - |        - |     1.50 |  15.0 % |       - |    - |                   |       - |

Parts of a training step, milliseconds on all threads: net, bf16

|                    | forward | backward | together |   share | GFLOP/s |  GB/s | bound by | of that |
|--------------------|---------|----------|----------|---------|---------|-------|----------|---------|
| the whole step     |       - |        - |     8.00 | 100.0 % |       - |     - |          |       - |
| linear             |    6.00 |        - |     6.00 |  75.0 % |     300 | 0.000 | products |  25.0 % |
| not in a row above |       - |        - |     2.00 |  25.0 % |       - |     - |          |       - |
END
code=0
"$table" cells --json known.json >known.txt || code=$?
expect 0 "table of known cells"
check "the table of known cells differs" diff expected known.txt

# Comparison with an earlier run that was half as fast.
sed -i 's/\tours\t20$/\tours\t60/; s/\tours\t30$/\tours\t60/' cells
"$table" cells --compare known.json >later.txt || code=$?
expect 0 "comparison"
check "twice as fast" grep -qE '^\| net .* 2\.000 \|$' later.txt
check "as long as before" grep -qE '^\| linear .* 1\.000 \|$' later.txt
echo "{" >broken.json
code=0
"$table" cells --compare broken.json >/dev/null 2>broken.log || code=$?
expect 65 "comparison with a broken file"
printf 'a line\n' >short
code=0
"$table" short >/dev/null 2>short.log || code=$?
expect 65 "a broken line"

# Every measurement once.
code=0
BUILD=$PWF_BIN_DIR/.. timeout 300 bash "$PWF_SOURCE_DIR/tests/bench/run.sh" --smoke --json all.json \
    >all.txt 2>all.log || code=$?
expect 0 "the bench"
while read -r words; do
    check "the table has no row: $words" grep -qE "^\| $words.* \| .*[1-9]" all.txt
done <<END
fp32 (multiply-adds|multiplications and additions) from registers
copying in memory
oneDNN, fp32, 788x192x576
our linear layer, fp32, 788x768x192, gradient of the weights
our linear layer, bf16, 788x192x576
vit_micro, training, fp32
vit_micro, training, bf16
vit_micro, batch 16, fp32
vit_micro, batch 16, bf16
fp32, 1 rank of 2 threads
bf16, 2 ranks of 1 thread, 2 shards
the whole step
attention
exact sums
sampling
sampling and rounding to bf16, 10000 weights
hashes of the state
exact sums more than plain ones, 10000 weights, 2 ranks, bf16
all ten rounds, 20000 weights
checkpoint of vit_micro, pwrite
images decoded, cropped and normalised
END
check "the table has no row of the evaluation" grep -q "^| vit_micro, evaluation, bf16 " all.txt
code=0
"$table" cells --compare all.json >/dev/null || code=$?
expect 0 "the file of that run can be read"
# shellcheck disable=SC2034
BUILD=$PWF_BIN_DIR/.. bash "$PWF_SOURCE_DIR/tests/bench/run.sh" --fast >usage.log 2>&1 || code=$?
expect 64 "an option that does not exist"
finish
