#!/usr/bin/env bash
# The table of docs/ablation.md: one change at a time, on lesions painted on the `val` scans.
#   scripts/ablate.sh DATASET_DIR OUT [SCANS_WITH_LESIONS]
# Rows that are there already are not measured again.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 DATASET_DIR OUT [SCANS_WITH_LESIONS]" >&2
    exit 2
fi
data=$(realpath "$1")
out=$(realpath -m "$2")
root=$(cd "$(dirname "$0")/.." && pwd)
configs="$root/bundle/configs"
painted=$out/painted

[ -f "$painted/cases.csv" ] || python "$root/scripts/paint_cases.py" "$data" "$painted" --most "${3:-5}"

row() { # row NAME OVERLAYS [--id value ...]
    local name=$1 overlays=$2
    shift 2
    [ ! -f "$out/$name/metrics.md" ] || return 0
    python -m monai.bundle run \
        --config_file "['$configs/inference.json','$configs/evaluate.json'$overlays]" \
        --bundle_root "$root/bundle" --cases "$painted/cases.csv" --output_dir "$out/$name" "$@"
}

residual=",'$root/configs/residual_map.yaml'"
row residual_of_guess "$residual" --mode encoder
row residual_of_search "$residual" --mode search
row comparison_of_guess "" --mode encoder --healing False
row comparison_of_search "" --mode search --healing False
row healed_guess "" --mode encoder
row healed_search "" --mode search
