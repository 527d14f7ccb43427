#!/usr/bin/env bash
# Set up, then run the tests; arguments go to pytest.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
bash "$root/scripts/setup.sh"
cd "$root"
echo "[test] running the tests (minutes)"
exec "$root/.venv/bin/python" -m pytest "$@"
