"""What the tests of Omniglot share: its tree, and a folder for its cache."""

from pathlib import Path

import pytest

from tests.unit.tasks.omniglot_trees import make_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "omniglot")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"
