#!/usr/bin/env bash
# The published networks at 224x224 against PyTorch on the same weights and images: a table, and 1 if
# logits differ by more than 1e-4 or gradients by more than 1e-3. Needs torch and a build.
#   bash tests/golden/full_size.sh [MODEL ...]
# BACKEND: oneDNN by default, or openblas, plain. PYTHON: one that has torch. BUILD: the build folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=${BUILD:-$here/../../build}/tests/models_full_size
models=("$@")
if [ $# = 0 ]; then
    models=(resnet18 resnet34 resnet50 resnet101 densenet161
        {vit,deit}_{tiny,small,base}_patch16_224 deit_{tiny,small,base}_distilled_patch16_224)
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
echo "| model | logits | ours, exact | PyTorch, exact | worst gradient | ours, exact | PyTorch, exact | of |"
echo "|---|---|---|---|---|---|---|---|"
for model in "${models[@]}"; do
    wanted=()
    case $model in resnet18 | deit_tiny_patch16_224) wanted=(gradients) ;; esac
    "${PYTHON:-/usr/bin/python3}" "$here/make_full_size.py" "$folder" "$model" "${wanted[@]}"
    "$program" "$folder" "$model" "${BACKEND:-auto}" || failed=1
    rm -f "$folder/$model".*
done
exit $failed
