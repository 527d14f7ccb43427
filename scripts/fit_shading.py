"""The usual shading of healthy scans, for `usual_shading` and `shading_spread` of a bundle.

    python scripts/fit_shading.py DATASET_DIR [--split train]

Prints both as JSON, as bundle/configs/inference.json and train.json hold them. Do it before
training on scans of other scanners than the shipped model's; see `MatchShadingd`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from monai.bundle import ConfigParser

from monai_anogan.bundle_folder import default_bundle
from monai_anogan.io import read_cohort
from monai_anogan.transforms import shading

DIGITS, FEWEST = 3, 5
NEITHER = {"_target_": "Identityd", "keys": "image"}


def main(dataset_dir: Path, split: Annotated[str, typer.Option()] = "train") -> None:
    parser = ConfigParser()
    parser.read_config(str(default_bundle() / "configs" / "inference.json"))
    parser.update({"bundle_root": str(default_bundle()), "shading": NEITHER, "scale": NEITHER})
    prepare, found = parser.get_parsed_content("preprocessing"), []
    for item in read_cohort(dataset_dir, split):
        data = prepare(item)
        image, organ = data["image"], data["mask"][0].numpy() > 0
        one = shading(image[0].numpy(), organ, image.affine.numpy())
        typer.echo(f"{item['image']}: {'cannot tell' if one is None else one.round(2)}", err=True)
        found += [] if one is None else [one]
    if len(found) < FEWEST:
        raise SystemExit(
            f"the shading must be measured on {FEWEST} scans or more, got {len(found)} that tell; "
            "add healthy scans of the scanner"
        )
    usual, spread = np.median(found, axis=0), np.std(found, axis=0)
    numbers = {"usual_shading": usual, "shading_spread": spread}
    rounded = {name: (values.round(DIGITS) + 0.0).tolist() for name, values in numbers.items()}
    typer.echo(json.dumps(rounded, indent=4))


if __name__ == "__main__":
    typer.run(main)
