#!/usr/bin/env bash
# Make the environment .venv-label, in which MONAI Label serves this package, or reuse a finished one.
# PYTHON chooses the Python, 3.11: MONAI Label 0.8.5 imports modules that 3.12 no longer has.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv-label
# Their metadata ask for numpy 1 and for PyTorch's CUDA build, and they need neither.
undeclared="monailabel==0.8.5 pydicom-seg==0.4.1 numpymaxflow==0.0.7 torchvision==0.28.0"

say() { printf '[label] %s\n' "$*"; }
fail() { printf '[label] %s\n' "$*" >&2; exit 1; }

python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1 \
    || fail "Python must be 3.11, found $("$python" -V 2>&1 || echo none); install it or set PYTHON."

key=$(cat "$root/pyproject.toml" "$root/constraints.txt" "${BASH_SOURCE[0]}" | sha256sum)
if [[ -f $venv/ready && $(<"$venv/ready") == "$key $root" ]]; then
    say "reusing the environment in .venv-label"
    exit 0
fi
say "making .venv-label (2 to 10 minutes, by the network)"
rm -rf "$venv"
"$python" -m venv "$venv" \
    || fail "the venv module must work, got the error above; on Debian: apt-get install python3-venv."

pip() { "$venv/bin/python" -m pip -qq --disable-pip-version-check "$@"; }
read -ra packages <<<"$undeclared"
cd "$root"
pip install -c constraints.txt "torch==2.13.0"
pip install -c constraints.txt -e ".[label]"
pip install --no-deps "${packages[@]}"
# What their dependencies miss today is put in when Python starts, see monai_anogan/label/shims.py.
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$venv/bin/python" -c 'from monai_anogan.label.shims import SITE_LINE; print(SITE_LINE)' \
    >"$site/monai_anogan_label.pth"
# The OHIF in it takes values for bytes when it looks through a Parametric Map, and never ends with one
# whose slices have an odd number of pixels.
wrong='(sourcePixelData.buffer, i \* sliceLength, sliceLength)'
right='(sourcePixelData.buffer, i * sliceLength * sourcePixelData.BYTES_PER_ELEMENT, sliceLength)'
grep -rl --include='*.js' -- "$wrong" "$site/monailabel/endpoints/static/ohif" \
    | xargs -d '\n' sed -i "s/$wrong/$right/"
"$venv/bin/python" -c 'import monailabel.app' >/dev/null 2>&1 \
    || fail "MONAI Label must start, it does not: $venv/bin/python -c 'import monailabel.app' says why."
printf '%s\n' "$key $root" >"$venv/ready"
say "done after ${SECONDS} s; the next run reuses .venv-label"
