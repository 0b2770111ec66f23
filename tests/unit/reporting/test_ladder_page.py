"""The page of the ladder says what its scores say."""

import pytest

from quickstudy.ladder.score import Score
from quickstudy.reporting import ladder_chart, write_ladder
from quickstudy.reporting.ladder import cells_of
from quickstudy.reporting.verdict import verdict

ERRORS = {
    "support mean": 9.0,
    "single task, ridge": 2.5,
    "pooled, ridge": 2.2,
    "learned <prior>": 2.0,
}


def _scores(shots=(None, 5)) -> list[Score]:
    return [
        Score(name, shot, split, {"rmse": error + 0.1 * split, "explained_variance": 0.5}, 1.0, 2.0)
        for shot in shots
        for split in range(3)
        for name, error in ERRORS.items()
    ]


def _by_gid(figure, gid):
    return [line for line in figure.axes[0].lines if line.get_gid() == gid]


def test_the_chart_has_a_dot_at_every_mean_and_a_stroke_for_every_split():
    figure = ladder_chart(_scores(), 5)
    assert [line.get_xdata()[0] for line in _by_gid(figure, "mean")] == pytest.approx(
        [error + 0.1 for error in ERRORS.values()]
    )
    assert [len(line.get_xdata()) for line in _by_gid(figure, "splits")] == [3] * 4
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(ERRORS)


def test_the_best_way_alone_is_coloured():
    colours = [line.get_color() for line in _by_gid(ladder_chart(_scores(), None), "mean")]
    assert len(set(colours[:3])) == 1
    assert colours[3] not in colours[:3]


def test_a_way_far_behind_is_named_at_the_edge_so_that_the_others_can_be_told_apart():
    axes = ladder_chart(_scores(), 5).axes[0]
    low, high = axes.get_xlim()
    assert [text.get_text() for text in axes.texts] == ["9.1 →"]
    assert high < 4 and all(low < error + 0.1 < high for error in list(ERRORS.values())[1:])


def test_all_ways_are_within_the_axes_where_none_is_far_behind():
    scores = [score for score in _scores() if score.name != "support mean"]
    axes = ladder_chart(scores, 5).axes[0]
    assert not axes.texts
    assert axes.get_xlim()[0] < 2.0 and axes.get_xlim()[1] > 2.7


def test_the_page_holds_verdict_numbers_settings_and_figures_and_escapes_names(tmp_path):
    scores = _scores()
    page = write_ladder(
        tmp_path,
        scores,
        "Ways to learn <x>.csv",
        ["Kept for new tasks: learned <prior>."],
        {"rows": 20000},
        {"single task, ridge": "unused", "generator": "the time was up"},
    )
    text = page.read_text()
    assert page == tmp_path / "report.html"
    assert "Ways to learn &lt;x&gt;.csv" in text and "<prior>" not in text
    for line in verdict(scores):
        assert line.replace("<prior>", "&lt;prior&gt;") in text
    for row in cells_of(scores, 5)[1]:
        assert row[1] in text
    assert "Not run (the time was up): generator." in text
    assert "20,000" in text and "Kept for new tasks: learned &lt;prior&gt;." in text
    assert text.count("data:image/png;base64,") == 2 and "http" not in text
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "ladder-5-shot.png",
        "ladder-rows.png",
    ]


def test_the_table_of_the_page_is_sorted_best_first(tmp_path):
    text = write_ladder(tmp_path, _scores((5,)), "t").read_text()
    table = text[text.index("<tbody>") :]
    places = [
        table.index(name)
        for name in ("learned &lt;prior&gt;", "pooled, ridge", "single task, ridge", "support mean")
    ]
    assert places == sorted(places)


def test_a_way_that_was_stopped_has_a_hollow_dot_and_stands_last(tmp_path):
    stopped = [score for score in _scores() if score.name != "pooled, ridge" or score.split < 2]
    dots = _by_gid(ladder_chart(stopped, 5), "mean")
    assert [dot.get_markerfacecolor() == "white" for dot in dots] == [False, False, True, False]
    text = write_ladder(tmp_path, stopped, "t").read_text()
    table = text[text.rindex("<tbody>") :]
    assert table.index("support mean") < table.index("pooled, ridge")
