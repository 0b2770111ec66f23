"""What every test starts from: float32, a cache that is thrown away, and the real data where it is
there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

# The shapes that the learners' common interface states are checked by every test. It stands before
# the first import of quickstudy.
install_import_hook("quickstudy.learners.learner", "beartype.beartype")
torch.set_num_threads(1)  # the tensors of tests are small
# as in the programs that tests start: two at a time, they would wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]

settings.register_profile("quickstudy", deadline=None, derandomize=True)
settings.load_profile("quickstudy")


@pytest.fixture(scope="session", autouse=True)
def _float32() -> Iterator[None]:
    torch.set_default_dtype(torch.float32)
    yield
    assert torch.get_default_dtype() == torch.float32, (
        "a test changed the default dtype and left it so"
    )


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache for the session; it stands in the environment, so subprocesses share it."""
    with pytest.MonkeyPatch.context() as patch:
        if "QUICKSTUDY_CACHE" not in os.environ:
            patch.setenv("QUICKSTUDY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def omniglot_root() -> Path:
    return real_data("omniglot")


@pytest.fixture(scope="session")
def school() -> Path:
    return real_data("school") / "school.csv"


@pytest.fixture(scope="session")
def parkinsons() -> Path:
    return real_data("parkinsons") / "parkinsons_updrs.csv"


def real_data(name: str) -> Path:
    root = REPOSITORY.parent / "shared" / "data" / name
    if not root.is_dir():
        pytest.skip(f"{name} is not in ../shared/data/{name}")
    return root
