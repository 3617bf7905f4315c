#!/usr/bin/env bash
# Build the wheel, install it into an empty environment outside the repository, and use it there.
#
#   tests/wheel.sh PYTHON [without-torch]
#
# `without-torch` installs everything else: what needs no torch must work, what needs it must say so.
set -euo pipefail

python=${1:-python3}
torch=${2:-with-torch}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
"$python" -m venv env
pip="env/bin/pip --disable-pip-version-check --quiet"
$pip wheel --no-deps --wheel-dir dist "$root" > /dev/null
wheel=$(echo dist/*.whl)
if [ "$torch" = without-torch ]; then
    "$python" - "$root/pyproject.toml" > needed.txt <<'PYTHON'
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    for name in tomllib.load(file)["project"]["dependencies"]:
        if not name.startswith("torch"):
            print(name)
PYTHON
    $pip install -c "$root/constraints.txt" -r needed.txt
    $pip install --no-deps "$wheel"
else
    $pip install -c "$root/constraints.txt" "torch==$(sed -n 's/^torch==//p' "$root/constraints.txt")"
    $pip install -c "$root/constraints.txt" "$wheel"
fi

# Everything that is no Python must have come along: profiles, measurements, templates, scripts.
env/bin/python - "$root" <<'PYTHON'
import sys, sysconfig
from pathlib import Path
root, site = Path(sys.argv[1]), Path(sysconfig.get_path("purelib"))
suffixes = {".yaml", ".csv", ".html", ".css", ".js", ".typed", ".json"}
packages = ("hwsim", "compressors", "reports", "device_profiles")
wanted = [p.relative_to(root) for k in packages for p in (root / k).rglob("*") if p.suffix in suffixes]
missing = [str(path) for path in wanted if not (site / path).is_file()]
assert wanted and not missing, f"not in the wheel: {missing[:5]}"
print(f"{len(wanted)} files beside the code are in the wheel")
PYTHON

hwsim=$work/env/bin/hwsim
export XDG_CACHE_HOME=$work/cache
mkdir elsewhere
cd elsewhere
cat > net.csv <<'TABLE'
name,op,height,width,channels,kernel,stride,bits
image,input,16,16,3,,,32
conv,conv2d,,,8,3,2,32
pool,average_pool2d,,,,8,,
flat,linear,,,10,,,32
TABLE
"$hwsim" --help > /dev/null
"$hwsim" devices | tail -n 1
"$work/env/bin/python" - <<'PYTHON'
import numpy as np, hwsim
hwsim.save(hwsim.load("net.csv"), "net.tflite")
np.savez("x.npz", x=np.zeros((2, 16, 16, 3), np.float32))
PYTHON
"$hwsim" evaluate net.tflite --device corstone300_tflm --html page.html --json f.json > table.txt
"$hwsim" compare net.tflite --device corstone300_tflm --device pixel2_xnnpack > /dev/null
"$hwsim" explain net.tflite --recipe "prune{sparsity=0.5}" --device corstone300_tflm > /dev/null
"$hwsim" run net.tflite --data x.npz --output y.npz
test -s page.html
if [ "$torch" = without-torch ]; then
    printf 'x' > net.pt2
    status=0
    "$hwsim" evaluate net.pt2 --device corstone300_tflm 2> said.txt > /dev/null || status=$?
    cat said.txt
    test "$status" = 2
    test "$(wc -l < said.txt)" = 1
    grep -q torch said.txt
fi
echo "the wheel works under $("$work/env/bin/python" --version), $torch"
