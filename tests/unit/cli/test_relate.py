"""``quickstudy relate``: from a table to its groups of tasks and a page."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.cli.processes import run


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight shops; a price lowers what the even ones sell and raises what the odd ones sell."""
    draw = np.random.default_rng(0)
    shop = np.repeat(np.arange(8), 30)
    rows = pd.DataFrame(
        {"shop": shop, "price": draw.normal(5, 2, 240), "noise": draw.normal(0, 1, 240)}
    )
    rows["sold"] = 100 + np.where(shop % 2, 4, -4) * (rows["price"] - 5) + draw.normal(0, 2, 240)
    path = tmp_path_factory.mktemp("shops") / "shops.csv"
    rows.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("measure", ["posterior", "gradient"])
def test_groups_are_told_and_drawn(shops, tmp_path, measure):
    options = (
        "--task",
        "shop",
        "--target",
        "sold",
        "--measure",
        measure,
        "--splits",
        3,
        "--threads",
        1,
        "--json",
    )
    done = run(tmp_path, "relate", shops, *options, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["groups"] in ([0, 1] * 4, [1, 0] * 4) and found["names"] == [
        str(shop) for shop in range(8)
    ]
    assert np.array(found["similarity"]).shape == (8, 8) and found["reliability"] > 0.8
    assert (
        "240 rows of 8 tasks" in done.err
        and "0, 2, 4, 6" in done.err
        and "relatedness.html" in done.err
    )
    assert json.loads((tmp_path / "out" / "relatedness.json").read_text()) == found
    assert "2 groups of tasks" in (tmp_path / "out" / "relatedness.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--target", "sold"), "Option --task is needed"),
        (
            ("--task", "shop", "--target", "sold", "--measure", "distance"),
            "Option --measure should be one of posterior, gradient, ",
        ),
        (
            ("--task", "shop", "--target", "sold", "--splits", 0),
            "`splits` should be at least 1. Found splits=0",
        ),
        (
            ("--task", "shop", "--target", "sold", "--drop", "cost"),
            "--drop should name columns to predict from. Found ['cost']",
        ),
        (("--task", "store", "--target", "sold"), "should have a column ['store']"),
        (("--task", "shop", "--target", "sold", "--out", "FILE"), "--out should be a folder"),
    ],
)
def test_mistakes_cost_a_line(shops, tmp_path, arguments, message):
    done = run(
        tmp_path,
        "relate",
        shops,
        *(shops if argument == "FILE" else argument for argument in arguments),
    )
    assert done.code == 2 and message in done.err.replace("\n", " ") and "Traceback" not in done.err
