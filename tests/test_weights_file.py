"""Files of weights that are missing, or hold something else: one line says which and what to do."""

import pytest
import torch

from monai_anogan.errors import InputError
from monai_anogan.maps import (
    Comparison,
    SecondOpinion,
    load_comparison,
    load_second_opinion,
    load_wide_look,
)

LOADERS = [
    (load_comparison, SecondOpinion, "comparison", "fit", "run the bundle's fit_comparison"),
    (load_second_opinion, Comparison, "second opinion", "fit", "run the bundle's fit_compari"),
    (load_wide_look, Comparison, "wide look", "train", "run scripts/train_wide_look"),
]


@pytest.mark.parametrize(("load", "other", "what", "make", "cure"), LOADERS)
def test_no_weights_are_a_clear_error_and_so_is_another_file(
    load, other, what, make, cure, tmp_path
):
    path = tmp_path / "weights.pt"
    missing = rf"the {what} must be .* first, .*weights\.pt is missing; {cure}"
    with pytest.raises(InputError, match=missing):
        load(path)
    wrong = f"weights.pt must be a {what} of this version, got something else; {make} it again"
    torch.save(other().state_dict(), path)
    with pytest.raises(InputError, match=wrong):
        load(path)
    path.write_bytes(b"no weights")
    with pytest.raises(InputError, match=wrong):
        load(path)


@pytest.mark.parametrize("load", [load_second_opinion, load_wide_look])
def test_without_a_path_there_is_none(load):
    assert load(None) is None
