#!/usr/bin/env bash
# Make the virtual environment .venv with the versions of constraints.txt, or reuse a finished one.
# Called by demo.sh and test.sh; alone it is the developer's installation. PYTHON chooses the Python.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
ours=$venv/.anogan-made      # this script made the environment, so it may remake it
ready=$venv/.anogan-ready    # written last: what the finished installation was made from

say() { printf '[setup] %s\n' "$*"; }
fail() { printf '[setup] %s\n' "$*" >&2; exit 1; }

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3.14 python3 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

python=$(find_python) \
    || fail "Python must be 3.11 or newer, found $(python3 -V 2>&1 || echo none); install it or set PYTHON."

# Two scripts started together must not install into one environment at once.
if command -v flock >/dev/null 2>&1; then
    exec 9<"${BASH_SOURCE[0]}"
    flock 9
fi

key=$("$python" - "$root" <<'PYTHON'
import hashlib
import pathlib
import sys

root = pathlib.Path(sys.argv[1])
digest = hashlib.sha256(f"{root} {sys.version_info[:2]}".encode())
for name in ("pyproject.toml", "constraints.txt"):
    digest.update((root / name).read_bytes())
print(digest.hexdigest())
PYTHON
)
if [[ -f $ready && $(<"$ready") == "$key" ]]; then
    say "reusing the environment in .venv"
    exit 0
fi

# Both moves are atomic: an interrupted run never leaves an environment that looks like another's.
if [[ -f $ours ]]; then
    say "starting again: the environment in .venv is unfinished or of another version"
    mv "$venv" "$venv.old.$$"
fi
rm -rf "$venv".old.* "$venv.new"
if [[ ! -e $venv ]]; then
    say "making .venv with $("$python" -V) (seconds)"
    mkdir "$venv.new"
    touch "$venv.new/${ours##*/}"
    mv "$venv.new" "$venv"
    "$python" -m venv "$venv" \
        || fail "the venv module must work, got the error above; on Debian: apt-get install python3-venv."
else
    say "installing into the .venv that was here"
    [[ -x $venv/bin/python ]] || fail ".venv must be a virtual environment, got something else; move it away."
fi

pip() { "$venv/bin/python" -m pip -qq --disable-pip-version-check "$@"; }

cd "$root"
rm -f "$ready"
# First and exactly: left to the resolver, any other request takes the newest build.
say "installing PyTorch 2.13.0 (1 to 5 minutes, by the network)"
pip install -c constraints.txt "torch==2.13.0"
say "installing the package with its other dependencies (1 to 3 minutes)"
pip install -c constraints.txt -e ".[test]"
printf '%s\n' "$key" >"$ready"
say "done after ${SECONDS} s; the next run reuses .venv"
