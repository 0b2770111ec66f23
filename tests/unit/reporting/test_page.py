"""The page: whole, self-contained, escaped, and with what applies."""

import base64
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from rich.console import Console

import quickstudy as qs
from quickstudy import report
from quickstudy.errors import UserError
from quickstudy.reporting.settings import command_of, flat
from quickstudy.reporting.words import against_baselines, headline, written
from quickstudy.tasks import Classes
from quickstudy.training import Estimate, Evaluation

VOID = {"meta", "img"}


class Page(HTMLParser):
    """Checks that tags are balanced, and keeps images, addresses and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def images() -> tuple[qs.Learner, qs.tasks.Episodes, Evaluation]:
    x = torch.rand(6, 1, 1, 4, 4, generator=torch.Generator().manual_seed(0)) + 0.1 * torch.rand(
        6, 8, 1, 4, 4
    )
    size = torch.full((6,), 8)
    pool = Classes(
        x.flatten(0, 1),
        torch.arange(6) * 8,
        size,
        tuple("abcdef"),
        torch.zeros(6, dtype=torch.long),
        ("all",),
        "<script>noise",
    )
    source = pool.episodes(way=3, shot=1, query=3)
    learner = qs.ProtoNet(qs.models.MLP(16, None, hidden=(4,)))
    return learner, source, qs.evaluate(learner, source, num_tasks=5)


@pytest.fixture(scope="module")
def curves() -> tuple[qs.Learner, qs.tasks.Family, Evaluation]:
    source = qs.tasks.Sinusoid().episodes(shot=3, query=3)
    learner = qs.MAML(qs.models.MLP(1, 1, hidden=(4,)), inner_lr=0.01, inner_steps=2)
    return learner, source, qs.evaluate(learner, source, num_tasks=3)


def figures(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "figures").iterdir()}


def test_a_page_of_images(
    images: tuple[qs.Learner, qs.tasks.Episodes, Evaluation], tmp_path: Path
) -> None:
    learner, source, evaluation = images
    groups = report.accuracy_by_group_values(learner, source.pool, 3, 1, query=2, num_tasks_each=2)
    path = report.write_report(
        tmp_path / "new" / "run", learner, source, evaluation, groups=groups, group_way=3
    )
    assert path == tmp_path / "new" / "run" / "report.html"
    text = path.read_text("utf-8")
    page = Page(text)
    assert figures(path.parent) == {"baselines", "episode", "groups"}
    assert evaluation.estimate.text("accuracy") in page.text
    assert "Not transductive" in page.text and "Given 1 example of each of 3 classes" in page.text
    assert (
        "http:" not in text
        and "https:" not in text
        and "<script" not in text
        and "<link" not in text
    )
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    embedded = {base64.b64decode(address.split(",")[1]) for address in page.addresses}
    assert embedded == {file.read_bytes() for file in (path.parent / "figures").iterdir()}
    assert all(image["alt"] for image in page.images)
    assert "Settings of the run" not in text and "Run it again" not in text
    for name, estimate in evaluation.baselines.items():
        assert name in page.text and estimate.text("accuracy") in page.text


def test_a_page_of_a_run(
    curves: tuple[qs.Learner, qs.tasks.Family, Evaluation], tmp_path: Path
) -> None:
    learner, source, evaluation = curves
    trained = qs.MAML(qs.models.MLP(1, 1, hidden=(4,)), inner_lr=0.01, inner_steps=2)
    command = "quickstudy train maml --out 'a & b'"
    qs.fit(
        trained,
        source,
        4,
        2,
        tmp_path,
        validation=source,
        validate_every=2,
        validation_tasks=2,
        progress=False,
        record={"command": command},
    )
    page = Page(
        report.write_report(
            tmp_path, learner, source, evaluation, title="<script>alert(1)</script>"
        ).read_text("utf-8")
    )
    assert figures(tmp_path) == {"baselines", "fits", "steps", "training"}
    # as text, not as a tag: the stack of tags has no script
    assert "<script>alert(1)</script>" in page.text
    assert "script" not in page.open and command in page.text
    for setting in (
        "learner: inner_lr",
        "0.01",
        "seed",
        "versions: torch",
        torch.__version__,
        "sinusoid/maml",
    ):
        assert setting in page.text
    assert f"mean squared error of {evaluation.estimate.text('mean_squared_error')}" in page.text


def test_text_is_escaped(
    images: tuple[qs.Learner, qs.tasks.Episodes, Evaluation], tmp_path: Path
) -> None:
    learner, source, evaluation = images
    (tmp_path / "run.json").write_text(
        json.dumps({"<b>name": '"><script>', "command": ["x", "<i>"]})
    )
    groups = {"<script>": Estimate(0.5, 0.1, 9)}
    text = report.write_report(
        tmp_path, learner, source, evaluation, groups=groups, title='"<script>&'
    ).read_text("utf-8")
    page = Page(text)
    assert not re.search("<(script|b|i)>", text)
    assert (
        '"<script>&' in page.text
        and "<b>name" in page.text
        and "x '<i>'" in page.text
        and "<script>noise" in page.text
    )


@pytest.mark.parametrize("content", ["{", "[1]", "\x00"])
def test_a_broken_run_file_is_named(
    content: str, curves: tuple[qs.Learner, qs.tasks.Family, Evaluation], tmp_path: Path
) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=r"run\.json should hold a JSON object"):
        report.write_report(tmp_path, *curves)


def test_figures_that_do_not_apply_are_left_out(
    images: tuple[qs.Learner, qs.tasks.Episodes, Evaluation], tmp_path: Path
) -> None:
    learner, source, evaluation = images
    (tmp_path / "metrics.jsonl").write_text("")
    flat_source = replace(source.pool, x=source.pool.x.flatten(1)).episodes(3, 1, 3)
    page = Page(
        report.write_report(
            tmp_path, learner, flat_source, replace(evaluation, baselines={})
        ).read_text("utf-8")
    )
    assert page.images == [] and not (tmp_path / "figures").exists()


def test_the_words_of_a_result(images: tuple[qs.Learner, qs.tasks.Episodes, Evaluation]) -> None:
    evaluation = replace(
        images[2],
        estimate=Estimate(0.9, 0.01, 100),
        baselines={"a": Estimate(0.5, 0.01, 100), "b": Estimate(0.2, 0.0, 9)},
    )
    assert (
        against_baselines(evaluation)
        == "The best plain baseline, a, reaches 50.00 ± 1.00 %, which it beats."
    )
    assert against_baselines(replace(evaluation, estimate=Estimate(0.4, 0.01, 100))).endswith(
        "which beats it."
    )
    assert "cannot tell apart" in against_baselines(
        replace(evaluation, estimate=Estimate(0.505, 0.01, 100))
    )
    assert "cannot tell apart" in against_baselines(
        replace(evaluation, estimate=Estimate(0.9, math.nan, 1))
    )
    assert against_baselines(replace(evaluation, baselines={})) == ""
    error = replace(evaluation, metric="mean_squared_error", source={})
    assert against_baselines(error).startswith(
        "The best plain baseline, b, reaches 0.200 ± 0.000, which beats it"
    )
    assert headline(error) == (
        "The learner predicts further targets with a mean squared error of 0.900 ± 0.010 "
        "(mean over 100 tasks with its 95 % interval)."
    )
    ranges = replace(evaluation, source={"way": (5, 20), "shot": [1, 5]})
    assert headline(ranges).startswith(
        "Given 1 to 5 examples of each of 5 to 20 classes, the learner names"
    )
    assert written(Estimate(math.nan, math.nan, 5, 5), "accuracy") == "diverged on all 5 tasks"
    assert (
        written(Estimate(0.5, 0.1, 5, 2), "accuracy") == "50.00 ± 10.00 % (2 of 5 tasks diverged)"
    )


def test_settings() -> None:
    run = {
        "learner": {
            "learner": "maml",
            "arguments": {"lr": 0.1},
            "model_arguments": {"way": 5},
            "frozen": [],
        },
        "mapping": [{"mode": "vmap"}],
    }
    assert flat(run | {"on": True, "off": None}) == {
        "learner": "maml", "learner: lr": "0.1", "learner: model: way": "5",
        "mapping: mode": "vmap", "on": "yes",
    }  # fmt: skip
    assert command_of({"command": ["a", "b c"]}) == "a 'b c'" and command_of({}) == ""


def test_the_table_for_the_terminal() -> None:
    rows = [
        ("ProtoNet [bold]", Estimate(0.9731, 0.002, 1000)),
        ("scratch", Estimate(0.5, 0.1, 100, 3)),
    ]
    console = Console(width=100, force_terminal=False)
    with console.capture() as capture:
        console.print(
            report.results_table("[red] 5-way", rows, "accuracy"),
            report.results_table("", rows[:1], "mean_squared_error"),
        )
    text = capture.get()
    for part in (
        "[red] 5-way",
        "ProtoNet [bold]",
        "97.31 ± 0.20 %",
        "1,000",
        "diverged",
        "0.973 ± 0.002",
    ):
        assert part in text
    assert text.count("diverged") == 1  # only where some did
