"""The map shows every pair where the tree puts it, with groups, and names that do not run into one
another."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list

from quickstudy import reporting
from quickstudy.reporting.style import png
from tests.unit.reporting.related import relatedness


def find(figure: Figure, gid: str) -> list:
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def test_the_map_is_in_the_order_of_the_tree():
    found = relatedness()
    figure = reporting.relatedness_map(found)
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
    (tree,) = find(reporting.relatedness_map(found), "tree")
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
    figure = reporting.relatedness_map(relatedness(count, min(3, count), name))
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[1].get_yticklabels()]
    assert len(boxes) >= min(count, 20) and all(a.y0 >= b.y1 - 1e-6 for a, b in pairwise(boxes))
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)
