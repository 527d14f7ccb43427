#!/usr/bin/env bash
# Set up, then run the everyday tests, two files at a time. Arguments go to pytest: -n 0 for one at a
# time, -m "" for all, those marked slow too, as .ci/run does.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
bash "$root/scripts/setup.sh"
cd "$root"
echo "[test] running the tests (minutes)"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # a core for each of the two
exec "$root/.venv/bin/python" -m pytest -n 2 --dist loadfile \
    --no-loadscope-reorder -m "not slow" "$@" # files in the order of tests/conftest.py
