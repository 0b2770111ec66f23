"""Omniglot as it is: what the complete data set holds, and that its splits keep apart what they
should."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from quickstudy.random import Moment
from quickstudy.tasks import omniglot_files, omniglot_official, omniglot_splits
from quickstudy.tasks.classes import Classes
from quickstudy.tasks.omniglot import Omniglot

ROOT = Path(__file__).parents[3] / "shared" / "data" / "omniglot"
SPLITS = ("train", "validation", "test")

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=f"no Omniglot in {ROOT}")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def alphabets(cache: Path) -> dict[str, Classes]:
    source = Omniglot(ROOT, cache)
    return {name: source.split(name) for name in SPLITS}


@pytest.fixture(scope="module")
def vinyals(cache: Path) -> dict[str, Classes]:
    source = Omniglot(ROOT, cache, split_by="vinyals")
    return {name: source.split(name) for name in SPLITS}


def test_everything_is_there(cache: Path) -> None:
    packed = omniglot_files.load_drawings(ROOT, cache)
    assert packed.images.shape == (32_460, 28, 28)
    assert packed.images.dtype == np.uint8
    assert (packed.num_background, len(packed.names) - packed.num_background) == (964, 659)
    assert set(packed.sizes.tolist()) == {20}


def test_ink_is_bright(alphabets: dict[str, Classes]) -> None:
    for pool in alphabets.values():
        assert 0.05 < pool.x.float().mean() / 255 < 0.2
        assert pool.x.amax() == 255
        assert pool.x.amin() == 0
        assert (pool.x.flatten(1).amax(1) > 100).all()


def test_alphabets(alphabets: dict[str, Classes]) -> None:
    assert {name: len(pool.group_names) for name, pool in alphabets.items()} == {
        "train": 25,
        "validation": 5,
        "test": 20,
    }
    assert alphabets["validation"].group_names == (
        "Grantha",
        "Gujarati",
        "Hebrew",
        "N_Ko",
        "Sanskrit",
    )
    assert {name: pool.num_classes for name, pool in alphabets.items()} == {
        "train": 4 * 776,
        "validation": 188,
        "test": 659,
    }
    for one, other in combinations(alphabets.values(), 2):
        assert not set(one.group_names) & set(other.group_names)


def test_vinyals(vinyals: dict[str, Classes]) -> None:
    assert {name: pool.num_classes for name, pool in vinyals.items()} == {
        "train": 4 * 1028,
        "validation": 4 * 172,
        "test": 4 * 423,
    }
    characters = [{name.rpartition("/")[0] for name in pool.names} for pool in vinyals.values()]
    for one, other in combinations(characters, 2):
        assert not one & other
    for name, file in omniglot_splits.SPLIT_FILES.items():
        assert set(vinyals[name].names) == set((ROOT / "vinyals" / file).read_text().split())


@pytest.mark.parametrize("split", SPLITS)
def test_support_and_query_are_disjoint(alphabets: dict[str, Classes], split: str) -> None:
    episode = alphabets[split].episodes(way=5, shot=5, query=15).sample(8, Moment(0, "test"))
    assert episode.support.x.shape == (8, 25, 1, 28, 28)
    assert episode.query.x.shape == (8, 75, 1, 28, 28)
    for support, query in zip(episode.support.x, episode.query.x, strict=True):
        assert not {image.numpy().tobytes() for image in support} & {
            image.numpy().tobytes() for image in query
        }


def test_check_finds_nothing() -> None:
    assert omniglot_official.check(ROOT) == []
