#!/usr/bin/env bash
# Fit the bundle's own calibration on healthy scans the model was never trained on: after every
# change of the model, of the settings of the search or of the raw map. One file for each mode
# and one for the 3D variant.
#   scripts/calibrate.sh DATASET_DIR
# DATASET_DIR holds subjects.csv (columns subject, split) and t1/SUBJECT.nii.gz; `val` is taken.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: $0 DATASET_DIR" >&2
    exit 2
fi
data=$(realpath "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
configs="$root/bundle/configs"

fit() { # fit MODE OVERLAYS
    python -m monai.bundle run --config_file "['$configs/inference.json'$2,'$configs/calibrate.json']" \
        --bundle_root "$root/bundle" --dataset_dir "$data" --mode "$1"
}

fit search ""
fit encoder ""
fit encoder ",'$root/configs/brain_mr_3d.yaml'"
echo "fitted: $root/bundle/models/calibration_*.json"
