"""The second opinion: blind to what scanners differ in, and what a map is held down by."""

import pytest
import torch
from monai.bundle import ConfigParser
from torch.nn import functional as F

from monai_anogan.bundle_folder import default_bundle
from monai_anogan.engines import ComparisonFit, in_rounds, save_state_dict
from monai_anogan.maps import (
    Comparison,
    ComparisonMapd,
    SecondOpinion,
    in_own_spreads,
    load_comparison,
    load_second_opinion,
)
from monai_anogan.maps.scale_features import FEATURES
from monai_anogan.maps.two_looks import SEEN
from tests.test_comparison_fit import scan

SHAPE = (12, 13, 14)


@pytest.fixture
def organ():
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[2:10, 2:11, 2:12] = True
    return mask


@pytest.fixture
def features(organ):
    return torch.randn(int(organ.sum()), SEEN, generator=torch.Generator().manual_seed(0))


def opinion_of(logit):
    """Its logit is `logit` everywhere."""
    made = SecondOpinion(1).requires_grad_(False)
    last = made.members[0].second.layers[4]
    last.weight.zero_()
    last.bias.fill_(logit)
    return made


def test_another_gain_and_offset_of_every_feature_change_nothing_but_the_place_is_kept(features):
    place = FEATURES.index("front")
    louder = 3 * features + 5
    own, of_louder = in_own_spreads(features), in_own_spreads(louder)
    others = [n for n in range(SEEN) if n not in range(FEATURES.index("depth"), place + 2)]
    torch.testing.assert_close(of_louder[:, others], own[:, others])
    assert torch.equal(own[:, place], features[:, place])
    assert own[:, others].median(0).values.abs().max() < 0.25  # by every seventh voxel
    assert in_own_spreads(features[:0]).shape == (0, SEEN)


def test_a_lesion_in_a_tenth_of_the_organ_hardly_moves_what_is_usual(features):
    lesion = torch.arange(len(features)) < len(features) // 10
    own, ill = in_own_spreads(features), in_own_spreads(features + 50 * lesion[:, None])
    assert (own[~lesion] - ill[~lesion]).abs().median() < 0.15
    assert ill[lesion][:, 0].min() > 10


def test_the_map_goes_nowhere_beyond_it_and_is_left_where_it_agrees(organ):
    torch.manual_seed(0)
    comparison = Comparison(2).requires_grad_(False)
    image, rebuilt = torch.rand(2, 1, *SHAPE) - 0.5
    case = {"image": image, "reconstruction": rebuilt, "mask": organ[None].float()}
    plain = ComparisonMapd(comparison)(case)
    held = ComparisonMapd(comparison, second_opinion=opinion_of(-3.0))(case)
    left = ComparisonMapd(comparison, second_opinion=opinion_of(9.0))(case)
    most = F.softplus(torch.tensor(-3.0))
    map_of = {name: d["anomaly_map"].as_tensor()[0] for name, d in (("p", plain), ("h", held))}
    assert map_of["p"][organ].min() > most
    torch.testing.assert_close(map_of["h"][organ], most.expand(int(organ.sum())))
    assert (map_of["h"][~organ] == 0).all()
    assert torch.equal(left["anomaly_map"].as_tensor()[0], map_of["p"])
    assert held["map_background"] == plain["map_background"]  # of the members alone
    nothing = {**case, "mask": torch.zeros(1, *SHAPE)}
    empty = ComparisonMapd(comparison, second_opinion=opinion_of(0.0))(nothing)
    assert (empty["anomaly_map"] == 0).all()


def test_a_lesion_is_not_held_down_beside_where_it_is_seen(organ):
    made = opinion_of(0.0)
    second, depth = made.members[0].second, FEATURES.index("depth")
    for layer in (second.layers[0], second.layers[2]):
        layer.weight.zero_()
        layer.bias.zero_()
    second.layers[0].weight[0, depth] = second.layers[2].weight[0, 0] = 1
    second.layers[4].weight[0, 0] = 1
    features = torch.zeros(int(organ.sum()), SEEN)
    where = torch.zeros(SHAPE)
    where[5, 6, 7] = 4
    features[:, depth] = where[organ]
    most = torch.zeros(SHAPE)
    most[organ] = made(features, organ)
    assert (most[4:7, 5:8, 6:9] == 4).all()
    assert int((most > 0).sum()) == 27


def test_it_is_fitted_beside_a_comparison_that_stays_as_it_is(tmp_path):
    path, beside = tmp_path / "opinion.pt", tmp_path / "comparison.pt"
    save_state_dict(Comparison(1), beside)
    order = in_rounds(range(8), 1, 2, more=True)
    fit = ComparisonFit(path, len(order), more_of=beside, second_opinion=True, members=2, epochs=8)
    before = beside.read_bytes()
    for number in order:
        fit.add(scan(number))
    fit.save()
    assert beside.read_bytes() == before
    opinion, comparison, new = load_second_opinion(path), load_comparison(beside), scan(99)
    organ, lesion = (new[name][0] > 0 for name in ("mask", "lesion"))
    seen = comparison.see(new["image"][0], new["pred"][0], organ)
    most = opinion(seen, organ)
    assert len(opinion.members) == 2
    assert most[lesion[organ]].median() > most[~lesion[organ]].quantile(0.75)
    louder = 1.7 * new["image"][0]  # every grey value, as nothing was rebuilt
    found = opinion(comparison.see(louder, new["pred"][0], organ), organ)
    assert torch.corrcoef(torch.stack([found, most]))[0, 1] > 0.8


def test_beside_nothing_there_is_no_second_opinion(tmp_path):
    with pytest.raises(ValueError, match="must have a comparison beside it, got no more_of"):
        ComparisonFit(tmp_path / "opinion.pt", 8, second_opinion=True)


def test_its_overlay_alters_a_scan_and_leaves_it_in_network_space():
    root = default_bundle()
    parser = ConfigParser()
    overlay = root.parent / "configs" / "second_opinion.yaml"
    configs = [root / "configs" / f"{name}.json" for name in ("inference", "fit_comparison")]
    parser.read_config([str(path) for path in (*configs, overlay)])
    made = parser.get_parsed_content("scanner")
    rng = torch.Generator().manual_seed(0)
    mask = torch.zeros(1, 30, 30, 30)
    mask[:, 4:26, 4:26, 4:26] = 1
    image = torch.where(mask > 0, torch.rand(mask.shape, generator=rng) * 1.6 - 0.8, -1.0)
    data = {"image": image, "mask": mask}
    for transform in made:
        data = transform(data)
    organ = torch.as_tensor(data["mask"])[0] > 0
    altered = torch.as_tensor(data["image"])[0]
    assert altered[organ].min() > -1
    assert altered.max() <= 1
    assert (altered[~organ] == -1).all()
    assert altered[organ].median().item() == pytest.approx(0.18, abs=0.02)
