"""Published numbers that stand beside ours, with their source and what is not comparable."""

from __future__ import annotations

from collections.abc import Sequence

from monai_anogan.compare.document import Block, Heading, Table, Text

__all__ = ["published"]

HEAD = ("Method", "Data", "Number", "Source")
BMAD = "BMAD (Bao et al. 2024, arXiv 2306.11876)"
SCHLEGL = "Schlegl et al. 2017, arXiv 1703.05921, table 1 and text"
BRAIN: Sequence[Sequence[str]] = (
    (
        "AnoGAN",
        "retinal OCT, 8,192 patches",
        "AUC 0.89; precision 0.8834, recall 0.7277, sensitivity 0.7279, specificity 0.8928",
        SCHLEGL,
    ),
    ("f-AnoGAN", "BraTS, whole slices", "image AUROC 0.773", BMAD),
    ("GANomaly", "BraTS, whole slices", "image AUROC 0.748", BMAD),
    ("PatchCore, foreign features", "BraTS, whole slices", "image AUROC 0.917", BMAD),
)
BRAIN_WORDS = (
    "Not comparable: other organs and sequences (OCT of the retina; several MR sequences of "
    "tumours), other lesions (real ones; ours are semi-synthetic), far more training (AnoGAN: a "
    "million patches, 20 epochs, 500 search steps) and thresholds chosen on the test set. "
    "Comparable is the order of the methods among themselves, and how far each is from a yardstick."
)
PICTURES: Sequence[Sequence[str]] = (
    (
        "P-KDGAN, an encoder-decoder-encoder GAN as GANomaly",
        "Fashion-MNIST, one class",
        "mean AUROC 0.929",
        "Zhang et al. 2020, arXiv 2007.06963",
    ),
    (
        "GeoTrans, no GAN",
        "Fashion-MNIST, one class",
        "mean AUROC 0.935",
        "Shi and Zhang 2023, arXiv 2304.04211, table 1",
    ),
    (
        "AnoGAN",
        "MNIST, one class",
        "mean AUROC 0.937",
        "Shi and Zhang 2023, arXiv 2304.04211, table 1, quoting Cheng et al. 2020",
    ),
)
PICTURES_WORDS = (
    "Comparable: data, classes, one class normal at a time, AUROC. Not comparable: budget. The "
    "published methods train for tens to hundreds of epochs on a GPU with networks several times "
    "as wide, on all training pictures, and are judged on all 10,000 test pictures. For AnoGAN, "
    "EGBAD and f-AnoGAN themselves on one-class Fashion-MNIST, and for the GANomaly-against-BiGAN "
    "study (Di Mattia et al. 2019, arXiv 1906.11632), no number could be read in full text when "
    "this was written, so none is quoted."
)


def published(study: str) -> list[Block]:
    """The section of a study."""
    rows, words = (
        (PICTURES, PICTURES_WORDS) if study in ("fashion", "mnist") else (BRAIN, BRAIN_WORDS)
    )
    return [Heading("Published numbers"), Table(HEAD, rows), Text(words)]
