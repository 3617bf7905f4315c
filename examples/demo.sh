#!/usr/bin/env bash
# Train a small residual network on real handwritten digits, compress it, compare it on devices.
# Writes build/demo/comparison.html (open it in a browser), .md, .csv and .json.
set -euo pipefail
cd "$(dirname "$0")/.."
out=build/demo

python examples/digits.py --output "$out"
hwsim compare "$out/digits.pt2" \
  --data "$out/digits_test.npz" --train-data "$out/digits_train.npz" \
  --recipe quantize \
  --recipe none \
  --recipe examples/recipes/unstructured90_int8.yaml \
  --recipe examples/recipes/filters50_int8.yaml \
  --recipe examples/recipes/two_of_four_int8.yaml \
  --device stm32l4r5_tflm --device rpi4_xnnpack --device xeon8380_onnxruntime \
  --device a100_cuda --device systolic64_sim --device sparse_pe64_sim \
  --html "$out/comparison.html" --md "$out/comparison.md" \
  --csv "$out/comparison.csv" --json "$out/comparison.json"
