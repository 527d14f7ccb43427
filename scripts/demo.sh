#!/usr/bin/env bash
# Set up, then run the demonstration: a DICOM series with a painted lesion in, a heat map out.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
bash "$root/scripts/setup.sh"
echo "[demo] making a DICOM series and looking for its lesion (about a minute)"
exec "$root/.venv/bin/anogan" demo -o anogan_demo "$@"
