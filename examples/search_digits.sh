#!/usr/bin/env bash
# Search for a recipe of the digits network on training images that the network never saw, then
# judge what was found, and the demo's recipes, on the test images. Resumes where it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
demo=build/demo out=build/search_digits
devices=(--device stm32l4r5_tflm --device rpi4_xnnpack --device xeon8380_onnxruntime
  --device a100_cuda --device systolic64_sim --device sparse_pe64_sim)

[ -f "$demo/digits.pt2" ] || python examples/digits.py --output "$demo"
[ -f "$out/digits.pt2" ] || python examples/digits.py --output "$out" --hold-out 0.333
hwsim search "$out/digits.pt2" --space examples/spaces/digits_recipes.yaml "${devices[@]}" \
  --train-data "$out/digits_train.npz" --data "$out/digits_val.npz" \
  --trials 23 --store "$out/runs.db" --resume --csv "$out/search.csv"

# The most accurate trial of that search; the test images had no say in it.
hwsim compare "$demo/digits.pt2" \
  --train-data "$demo/digits_train.npz" --data "$demo/digits_test.npz" \
  --recipe quantize --recipe none \
  --recipe examples/recipes/unstructured90_int8.yaml \
  --recipe examples/recipes/filters50_int8.yaml \
  --recipe examples/recipes/two_of_four_int8.yaml \
  --recipe examples/recipes/searched_digits.yaml \
  "${devices[@]}" --csv "$out/comparison.csv" >"$out/comparison.txt"
python examples/dominance.py "$out/comparison.csv" "searched for digits"
