#!/usr/bin/env bash
# Search for recipes of the digits network on training images that the network never saw, then
# judge what was found, and the demo's recipes, on the test images. Resumes where it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
demo=build/demo out=build/search_digits
devices=(--device stm32l4r5_tflm --device rpi4_xnnpack --device xeon8380_onnxruntime
  --device a100_cuda --device systolic64_sim)
# No limit of the second round holds there.
last=(--device sparse_pe64_sim)

[ -f "$demo/digits.pt2" ] || python examples/digits.py --output "$demo"
[ -f "$out/digits.pt2" ] || python examples/digits.py --output "$out" --hold-out 0.333
hwsim search "$out/digits.pt2" --space examples/spaces/digits_recipes.yaml \
  "${devices[@]}" "${last[@]}" \
  --train-data "$out/digits_train.npz" --data "$out/digits_val.npz" \
  --trials 23 --store "$out/runs.db" --resume --csv "$out/search.csv"

# The second round: three hold-outs, and copies of the training images moved by a pixel.
for seed in 0 1 2; do
  fold="$out/shifted_$seed"
  [ -f "$fold/digits.pt2" ] || python examples/digits.py --output "$fold" \
    --hold-out 0.333 --hold-out-seed "$seed" --shifted
  hwsim search "$fold/digits.pt2" --space examples/spaces/digits_shifted.yaml "${devices[@]}" \
    --train-data "$fold/digits_train.npz" --data "$fold/digits_val.npz" \
    --trials 8 --store "$fold/search.db" --resume --csv "$fold/search.csv"
done
python examples/folds.py "$out"/shifted_{0,1,2}/search.csv

# The best of each round; the test images had no say in either.
judge() { # FOLDER of training images, FILE without ending, recipes
  local data=$1 file=$2
  shift 2
  hwsim compare "$demo/digits.pt2" "${@/#/--recipe=}" "${devices[@]}" "${last[@]}" \
    --train-data "$data/digits_train.npz" --data "$demo/digits_test.npz" \
    --csv "$file.csv" >"$file.txt"
}
recipes=examples/recipes
[ -f "$out/shifted/digits.pt2" ] || python examples/digits.py --output "$out/shifted" --shifted
judge "$demo" "$out/fixed" quantize none "$recipes/unstructured90_int8.yaml" \
  "$recipes/filters50_int8.yaml" "$recipes/two_of_four_int8.yaml"
judge "$demo" "$out/first" "$recipes/searched_digits.yaml"
judge "$out/shifted" "$out/second" "$recipes/searched_digits_shifted.yaml"
python examples/dominance.py "searched for digits" "$out/fixed.csv" "$out/first.csv"
python examples/dominance.py "searched again for digits" "$out/fixed.csv" "$out/second.csv"
