#!/usr/bin/env bash
# Make .venv-deploy: MONAI Deploy App SDK beside the package of .venv, in an environment of its own.
# The SDK pins other versions of protobuf and ml_dtypes than ours, and brings Holoscan and CUDA
# libraries (600 MB); it runs without a GPU. Reused when it is there.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
ours=$root/.venv
venv=$root/.venv-deploy
pins="monai-deploy-app-sdk==4.0.0"

if [[ -f $venv/ready && $(<"$venv/ready") == "$pins" ]]; then
    exit 0
fi
[[ -x $ours/bin/python ]] || { echo "run scripts/setup.sh first" >&2; exit 1; }
rm -rf "$venv"
"$ours/bin/python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip -qq --disable-pip-version-check "$@"; }
pip install "$pins"
# Both packages live in the folder `monai`; torch and the rest come from .venv, searched last.
monai=$(sed -n 's/^\(monai==.*\)$/\1/p' "$root/constraints.txt")
pip install --no-deps "$monai"
site=("$venv"/lib/python3*/site-packages)
(cd "$ours"/lib/python3*/site-packages && pwd -P) >"${site[0]}/zz_monai_anogan.pth"
echo "$root" >>"${site[0]}/zz_monai_anogan.pth"
printf '%s\n' "$pins" >"$venv/ready"
