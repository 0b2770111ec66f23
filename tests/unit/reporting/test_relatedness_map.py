"""The map shows every pair where the tree puts it, with groups, and names that do not run into one
another."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list

import quickstudy as qs
from quickstudy import report
from quickstudy.relatedness import Relatedness
from quickstudy.relatedness.groups import cut, tree_of
from quickstudy.reporting.style import png


def relatedness(count: int = 12, groups: int = 3, name: str = "task {}") -> Relatedness:
    """Tasks of ``groups`` that take turns, similar within them."""
    member = torch.arange(count) % groups
    similarity = 0.8 * (member.unsqueeze(0) == member.unsqueeze(1)).float() - 0.2
    similarity = similarity + 0.01 * torch.outer(
        torch.linspace(-1, 1, count), torch.linspace(-1, 1, count)
    )
    similarity.fill_diagonal_(1)
    tree = tree_of(similarity, ordered=True)
    return Relatedness(
        "gradient",
        tuple(name.format(i) for i in range(count)),
        similarity,
        similarity,
        0.7,
        cut(tree, groups),
        tree,
    )


def find(figure: Figure, gid: str) -> list:
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def test_the_map_is_in_the_order_of_the_tree():
    found = relatedness()
    figure = report.relatedness_map(found)
    assert png(figure).startswith(b"\x89PNG")
    order = leaves_list(found.tree)
    assert np.array_equal(
        find(figure, "similarity")[0].get_array(), found.similarity.numpy()[np.ix_(order, order)]
    )
    names = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert names == [found.names[index] for index in order]
    assert [line.get_ydata()[0] for line in find(figure, "boundary")] == [3.5, 7.5]


def test_the_tree_joins_what_scipy_joined_in_the_colours_of_the_groups():
    found = relatedness()
    (tree,) = find(report.relatedness_map(found), "tree")
    segments = tree.get_segments()
    assert sorted(segment[1][0] for segment in segments) == pytest.approx(sorted(found.tree[:, 2]))
    # three groups, and grey above them
    assert len(segments) == 11 and len({tuple(colour) for colour in tree.get_colors()}) == 4
    leaves = sorted(y for segment in segments for x, y in (segment[0], segment[3]) if x == 0)
    assert leaves == list(range(12))


@pytest.mark.parametrize(
    ("count", "name"), [(139, "school {}"), (45, "a task with quite a long name {}"), (2, "{}")]
)
def test_names_do_not_overlap(count, name):
    figure = report.relatedness_map(relatedness(count, min(3, count), name))
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[1].get_yticklabels()]
    assert len(boxes) >= min(count, 20) and all(a.y0 >= b.y1 - 1e-6 for a, b in pairwise(boxes))
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)


def test_the_page_says_which_tasks_belong_together(tmp_path):
    page = report.write_relatedness(tmp_path, relatedness(name="<shop {}>"), settings={"rows": 400})
    text = page.read_text()
    assert (
        (tmp_path / "figures" / "relatedness.png").exists()
        and "3 groups of tasks" in text
        and "agree on 70%" in text
    )
    assert (
        "group 1, 4 tasks" in text
        and "&lt;shop 0&gt;, &lt;shop 3&gt;, &lt;shop 6&gt;, &lt;shop 9&gt;" in text
        and "<shop" not in text
    )
    assert "400" in text and not re.search("https?:", text)


def test_the_page_of_one_group_says_so(tmp_path):
    found = replace(relatedness(), groups=torch.zeros(12, dtype=torch.long))
    text = report.write_relatedness(tmp_path, found).read_text()
    assert (
        "One group: the rows tell no others apart" in text
        and "The groups" not in text
        and "share between all tasks alike" in text
    )


def test_the_report_of_a_run_shows_the_map(tmp_path):
    learner, source = (
        qs.MAML(qs.models.MLP(1, 1, hidden=(4,)), inner_lr=0.01),
        qs.tasks.Sinusoid().episodes(shot=2, query=2),
    )
    evaluation = qs.evaluate(learner, source, num_tasks=2, baselines=False)
    text = report.write_report(
        tmp_path, learner, source, evaluation, relatedness=relatedness()
    ).read_text()
    assert "Which tasks are related" in text and (tmp_path / "figures" / "relatedness.png").exists()
