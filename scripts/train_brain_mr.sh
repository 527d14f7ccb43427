#!/usr/bin/env bash
# Train the shipped brain MR model from a folder of healthy scans, in stages. Each stage
# resumes where it was interrupted; delete its folder under OUT to start it again.
#   scripts/train_brain_mr.sh DATASET_DIR OUT
# The bundle's models are replaced by what was trained: the model, its comparisons and calibrations,
# and, where there is a GPU, the wide look
# (the shipped ones are the same in float16, by engines.save_state_dict).
# Scans of other scanners: put what scripts/fit_shading.py prints into both configs first.
# DATASET_DIR holds subjects.csv (columns subject, split), t1/SUBJECT.nii.gz, mask/SUBJECT.nii.gz.
set -euo pipefail

if [ $# -ne 2 ]; then
    echo "usage: $0 DATASET_DIR OUT" >&2
    exit 2
fi
data=$(realpath "$1")
out=$(realpath -m "$2")
root=$(cd "$(dirname "$0")/.." && pwd)
configs="$root/bundle/configs"

stage() { # stage NAME CONFIGS [--id value ...]
    local name=$1 files=$2
    shift 2
    python -m monai.bundle run training --config_file "$files" \
        --meta_file "$configs/metadata.json" --logging_file "$configs/logging.conf" \
        --bundle_root "$root/bundle" --dataset_dir "$data" --output_dir "$out/$name" "$@"
}

mask() { # mask NAME OVERLAYS
    if [ ! -f "$root/bundle/models/$1.pt" ]; then
        stage "$1" "['$configs/train_brain_mask.json'$2]"
        cp "$out/$1/brain_mask.pt" "$root/bundle/models/$1.pt"
    fi
}
mask brain_mask ""
mask brain_mask_wide ",'$root/configs/brain_mask_wide.yaml'"
short="--patches_per_volume 4"
pretrain="['$configs/train.json','$configs/train_encoder.json','$configs/pretrain.json']"
stage pretrain "$pretrain" --epochs 40 --learning_rate 0.0015 $short
stage adversarial "['$configs/train.json','$root/configs/brain_mr_2d.yaml']" \
    --pretrained "$out/pretrain/model.pt" $short
stage encoder "['$configs/train.json','$configs/train_encoder.json']" \
    --pretrained "$out/adversarial/model.pt" --epochs 10 $short
cp "$out/encoder/model.pt" "$root/bundle/models/model.pt"
fit() { # fit FILE OVERLAYS MODE [--id value ...]: a comparison, on painted healthy scans
    local file=$1 overlays=$2 mode=$3
    shift 3
    python -m monai.bundle run \
        --config_file "['$configs/inference.json','$configs/fit_comparison.json'$overlays]" \
        --bundle_root "$root/bundle" --dataset_dir "$data" --mode "$mode" \
        --comparison_file "$file" "$@"
}
compare() { # compare NAME OVERLAYS MODE: of lesions of every kind, then of white matter alone
    local file="$root/bundle/models/$1.pt"
    fit "$file" "$2" "$3"
    fit "$file" "$2" "$3" --more_of "$file" --members 2 --rounds 1 --white_matter 1.0
}
compare comparison_encoder "" encoder
compare comparison_search "" search
fit "$root/bundle/models/second_opinion.pt" ",'$root/configs/second_opinion.yaml'" search \
    --more_of "$root/bundle/models/comparison_search.pt"
compare comparison_3d ",'$root/configs/brain_mr_3d.yaml'" encoder
if python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    python "$root/scripts/train_wide_look.py" "$data" "$out/wide_look" --workers "$(nproc)"
    cp "$out/wide_look/wide_look.pt" "$root/bundle/models/wide_look.pt"
else
    echo "no GPU: the wide look stays the one that is there (scripts/train_wide_look.py)"
fi
"$root/scripts/calibrate.sh" "$data"
echo "the model: $root/bundle/models"
