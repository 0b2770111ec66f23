"""Every figure shows what it says: the data, the marks, the panels."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import quickstudy as qs
from quickstudy import report
from quickstudy.errors import UserError
from quickstudy.reporting.curves import smoothed
from quickstudy.reporting.episode_picture import Answer, ask, has_pictures
from quickstudy.reporting.style import png
from quickstudy.tasks import Classes
from quickstudy.training import Estimate, Evaluation
from quickstudy.training.baselines import Guess, NearestNeighbour

NAN = math.nan


def pool(
    num_classes: int = 12, examples: int = 20, noise: float = 0.6, channels: int = 1
) -> Classes:
    """Noisy images of a few prototypes; the more noise, the more mistakes."""
    generator = torch.Generator().manual_seed(0)
    prototypes = torch.rand(num_classes, 1, channels, 6, 6, generator=generator)
    x = (
        prototypes + noise * torch.randn(num_classes, examples, channels, 6, 6, generator=generator)
    ).flatten(0, 1)
    size = torch.full((num_classes,), examples)
    groups = torch.arange(num_classes) % 3 // 2  # two thirds, one third
    names = tuple(map(str, range(num_classes)))
    return Classes(
        x, torch.arange(num_classes) * examples, size, names, groups, ("Big", "Small"), "noise"
    )


def evaluation(metric: str = "accuracy", **changes: object) -> Evaluation:
    estimates = {step: Estimate(0.2 + 0.1 * step, 0.01, 50) for step in (0, 1, 5)}
    plain = {
        "nearest neighbour": Estimate(0.45, 0.02, 50),
        "untrained": Estimate(0.2, NAN, 1),
        "from scratch": Estimate(NAN, NAN, 9, 9),
    }
    source: dict[str, object] = {"source": "noise", "way": 5, "shot": 1}
    return replace(
        Evaluation(metric, estimates[5], 0, False, source, plain, estimates, [0.7] * 50, {}),
        **changes,
    )  # type: ignore[arg-type]


def drawn(figure: Figure) -> Figure:
    """Draw it: a warning on the way is an error."""
    assert png(figure).startswith(b"\x89PNG")
    return figure


def marked(figure: Figure, gid: str) -> list[object]:
    return figure.findobj(lambda artist: artist.get_gid() == gid)


@pytest.mark.parametrize(
    ("way", "shot", "query"), [(5, 1, 15), (12, 5, 3), (2, 1, 1), ((3, 6), (1, 3), 2)]
)
def test_the_picture_marks_the_mistakes(
    way: int | tuple[int, int], shot: int | tuple[int, int], query: int
) -> None:
    source = pool().episodes(way, shot, query)
    figure = drawn(report.episode_picture(NearestNeighbour(), source, seed=3))
    support, answers = ask(NearestNeighbour(), source, 3)
    wrong = sum(answer.wrong for answer in answers)
    title = marked(figure, "title")[0].get_text()  # type: ignore[attr-defined]
    assert f"{wrong} of {len(answers)} queries mistaken" in title
    assert len(marked(figure, "support")) == int(support.mask.sum())
    captions = [text.get_text() for text in figure.axes[0].texts if "\nis " in text.get_text()]
    assert len(captions) == len(marked(figure, "mistake"))
    if query <= 4:  # all are shown
        assert len(marked(figure, "mistake")) == wrong
        assert len(marked(figure, "right")) == len(answers) - wrong
        assert sorted(captions) == sorted(answer.caption for answer in answers if answer.wrong)


def test_a_mistake_among_the_queries_left_out_is_shown() -> None:
    figure = report.episode_picture(NearestNeighbour(), pool(noise=0.35).episodes(5, 1, 15), seed=1)
    _, answers = ask(NearestNeighbour(), pool(noise=0.35).episodes(5, 1, 15), 1)
    mistaken = {answer.truth for answer in answers if answer.wrong}
    captions = [text.get_text() for text in figure.axes[0].texts if "\nis " in text.get_text()]
    assert mistaken and {int(caption.split("is ")[1]) - 1 for caption in captions} == mistaken
    assert len(marked(figure, "mistake") + marked(figure, "right")) == 30


def test_the_answers_are_the_predictions() -> None:
    source = pool().episodes(5, 1, 4)
    episode = source.sample(1, qs.Moment(0, "picture"))
    scores = NearestNeighbour().predict(NearestNeighbour().adapt(episode.support), episode.query.x)[
        0
    ]
    answers = ask(NearestNeighbour(), source, 0)[1]
    assert [answer.predicted for answer in answers] == scores.argmax(-1).tolist()
    assert [answer.truth for answer in answers] == episode.query.y[0].tolist()
    assert [answer.probability for answer in answers] == pytest.approx(
        scores.softmax(-1).amax(-1).tolist()
    )


def test_an_answer_that_is_not_a_number_is_a_mistake() -> None:
    answer = Answer(torch.zeros(1, 2, 2), truth=0, predicted=0, probability=NAN)
    assert answer.wrong and answer.caption == "no answer\nis 1"


def test_many_classes_and_colour() -> None:
    many = pool(num_classes=50, examples=3, channels=3)
    figure = drawn(report.episode_picture(NearestNeighbour(), many.episodes(50, 1, 2)))
    assert len(marked(figure, "support")) == 40
    assert any("40 of 50 classes" in text.get_text() for text in figure.axes[0].texts)


def test_a_picture_needs_images() -> None:
    flat = replace(pool(), x=pool().x.flatten(1))
    assert not has_pictures(flat) and has_pictures(pool())
    with pytest.raises(UserError, match="needs images"):
        report.episode_picture(NearestNeighbour(), flat.episodes(2, 1, 1))


def lines(steps: int, metric: str = "accuracy") -> list[dict[str, float]]:
    found: list[dict[str, float]] = []
    for step in range(20, steps + 1, 20):
        found.append({"step": step, "loss": 3 * 0.998**step, "lr": 1e-3, "tasks_per_second": 9.0})
        if step % 100 == 0:
            found.append({"step": step, f"validation_{metric}": 0.5 + 0.4 * math.sin(step / 300)})
    return found


@pytest.mark.parametrize(("metric", "choose"), [("accuracy", max), ("mean_squared_error", min)])
def test_the_best_validation_is_marked(metric: str, choose: object) -> None:
    metrics = lines(2000, metric)
    figure = drawn(report.learning_curves(metrics))
    values = {
        line["step"]: line[f"validation_{metric}"]
        for line in metrics
        if f"validation_{metric}" in line
    }
    best = choose(values, key=values.__getitem__)  # type: ignore[operator]
    assert len(figure.axes) == 3
    (mark,) = marked(figure, "best")
    assert mark.get_xydata().tolist() == [
        [best, pytest.approx(values[best] * (100 if metric == "accuracy" else 1))]
    ]  # type: ignore[attr-defined]


def test_learning_curves_of_what_there_is() -> None:
    assert (
        len(drawn(report.learning_curves([line for line in lines(300) if "loss" in line])).axes)
        == 2
    )
    assert len(drawn(report.learning_curves([{"step": 5, "validation_accuracy": NAN}])).axes) == 1
    assert len(drawn(report.learning_curves([{"step": 1, "loss": 2.0, "lr": 0.0}])).axes) == 2
    with pytest.raises(UserError, match="losses or validations"):
        report.learning_curves([])


def test_smoothing_keeps_a_constant_and_a_short_curve() -> None:
    assert smoothed(np.full(500, 3.0)) == pytest.approx(3.0)
    assert smoothed(np.array([1.0, 5.0, 2.0])).tolist() == [1.0, 5.0, 2.0]


def test_groups_stand_from_the_easiest_to_the_hardest() -> None:
    groups = {
        "b": Estimate(0.5, 0.1, 9),
        "lost": Estimate(NAN, NAN, 9, 9),
        "a": Estimate(0.9, 0.1, 9),
    }
    figure = drawn(report.accuracy_by_group(groups, chance=0.2))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b", "lost"]
    assert marked(figure, "chance")[0].get_xdata() == [20, 20]  # type: ignore[attr-defined]
    assert not marked(drawn(report.accuracy_by_group(groups)), "chance")


@pytest.mark.parametrize("metric", ["accuracy", "mean_squared_error"])
def test_the_learner_stands_above_its_baselines(metric: str) -> None:
    figure = drawn(report.baselines_chart(evaluation(metric)))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["this learner", "nearest neighbour", "untrained", "from scratch"]
    assert len(marked(figure, "chance")) == (metric == "accuracy")
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert (
        "70.00 ± 1.00 %" if metric == "accuracy" else "0.700 ± 0.010"
    ) in texts and "diverged" in texts


def test_the_same_figure_gives_the_same_file() -> None:
    assert png(report.baselines_chart(evaluation())) == png(report.baselines_chart(evaluation()))


def test_errors_that_span_decades_are_shown_on_a_logarithmic_axis() -> None:
    found = evaluation("mean_squared_error", baselines={"support mean": Estimate(90.0, 100.0, 5)})
    assert drawn(report.baselines_chart(found)).axes[0].get_xscale() == "log"
    assert drawn(report.curve_over_steps(found)).axes[0].get_yscale() == "log"


def test_the_curve_over_steps() -> None:
    figure = drawn(report.curve_over_steps(evaluation()))
    curve, *plain = figure.axes[0].lines
    assert curve.get_xydata().tolist() == [[0, 20], [1, pytest.approx(30)], [5, pytest.approx(70)]]  # type: ignore[union-attr]
    # the one that diverged has no line
    assert [line.get_label() for line in plain] == ["nearest neighbour", "untrained"]
    long = evaluation(per_step={step: Estimate(0.5, 0.1, 9) for step in (0, 1, 5, 100)})
    assert [
        tick.get_text() for tick in drawn(report.curve_over_steps(long)).axes[0].get_xticklabels()
    ] == ["0", "1", "5", "100"]
    with pytest.raises(UserError, match="inner steps"):
        report.curve_over_steps(evaluation(per_step={0: Estimate(0.5, 0.1, 9)}))


def test_fits_show_curve_support_and_every_stage() -> None:
    learner = qs.MAML(qs.models.MLP(1, 1, hidden=(8,)), inner_lr=0.01)
    source = qs.tasks.Sinusoid().episodes(shot=4, query=3)
    figure = drawn(report.sinusoid_fits(learner, source))
    assert len(figure.axes) == 6
    episode = replace(source, query=200).sample(6, qs.Moment(0, "picture"))
    for task, axes in enumerate(figure.axes):
        shown = {
            line.get_gid(): torch.as_tensor(line.get_xydata(), dtype=torch.float32)
            for line in axes.lines
        }
        assert list(shown) == ["true", "after 0", "after 1", "after 5", "after 10", "support"]
        assert torch.equal(
            shown["support"], torch.cat([episode.support.x[task], episode.support.y[task]], 1)
        )
        x = shown["true"][:, :1]
        assert bool((x.diff(dim=0) >= 0).all())
        one = learner.adapt(episode.support[task : task + 1], steps=5)
        assert torch.allclose(
            shown["after 5"][:, 1], learner.predict(one, x[None])[0, :, 0], atol=1e-5
        )


def test_fits_of_a_learner_without_inner_steps() -> None:
    figure = drawn(report.sinusoid_fits(Guess(), qs.tasks.Sinusoid().episodes(4, 3)))
    assert [line.get_label() for line in figure.axes[0].lines] == [
        "true curve",
        "prediction",
        "support",
    ]


def test_fits_need_one_number() -> None:
    plane = qs.tasks.Family(
        lambda tasks, n, generator: (torch.zeros(tasks, n, 2), torch.zeros(tasks, n, 1)), 2, 2
    )
    with pytest.raises(UserError, match="one number to one number"):
        report.sinusoid_fits(Guess(), plane)


@dataclass(frozen=True)
class Case:
    way: int
    names: set[str]


@pytest.mark.parametrize("case", [Case(2, {"Big", "Small"}), Case(5, {"Big"})])
def test_each_group_is_evaluated_on_its_own_classes(case: Case) -> None:
    found = report.accuracy_by_group_values(
        NearestNeighbour(), pool(noise=0.0), case.way, 1, query=2, num_tasks_each=5
    )
    assert set(found) == case.names  # groups of too few classes are left out
    assert all(estimate == Estimate(1.0, 0.0, 5) for estimate in found.values())


def test_a_group_has_to_be_large_enough() -> None:
    with pytest.raises(UserError, match="way=9, at most 8"):
        report.accuracy_by_group_values(NearestNeighbour(), pool(), 9, 1)
    with pytest.raises(UserError, match="num_tasks_each"):
        report.accuracy_by_group_values(NearestNeighbour(), pool(), 2, 1, num_tasks_each=0)
