"""A report shows the figures that apply, in the order of the page."""

from dataclasses import replace

import pytest

import quickstudy as qs
from quickstudy.reporting.figures import Extras, Shown, figures_for, shown_relatedness
from quickstudy.training import Estimate
from quickstudy.training.baselines import Guess, NearestNeighbour
from tests.unit.reporting.related import relatedness
from tests.unit.reporting.small import drawn, evaluation, pool
from tests.unit.reporting.test_pixel_picture import Halves

LINES = ({"step": 20.0, "loss": 1.0}, {"step": 20.0, "validation_accuracy": 0.5})


def test_all_figures_of_images_in_order(tmp_path):
    extras = Extras(LINES, {"Big": Estimate(0.5, 0.1, 9)}, 2, relatedness())
    source = pool().episodes(5, 1, 2)
    found = list(figures_for(NearestNeighbour(), source, evaluation(), extras, 0))
    names = ["baselines", "episode", "groups", "steps", "training", "relatedness"]
    assert [shown.name for shown in found] == names
    assert all(shown.title and shown.reading and shown.alt for shown in found)
    assert "nearest neighbour: the class of the nearest" in found[0].reading.lower()
    assert "marked best validation" in found[4].reading


def test_figures_without_a_reason_are_left_out():
    bare = evaluation(baselines={}, per_step={0: Estimate(0.5, 0.1, 9)})
    flat = replace(pool(), x=pool().x.flatten(1)).episodes(5, 1, 2)
    only_steps = Extras(({"step": 20.0},))
    assert list(figures_for(NearestNeighbour(), flat, bare, only_steps, 0)) == []
    curves = qs.tasks.Sinusoid().episodes(4, 3)
    (fits,) = figures_for(Guess(), curves, bare, Extras(), 0)
    assert fits.name == "fits" and not fits.reading.endswith("within a few.")


def test_a_segmentation_task_is_shown_with_its_masks():
    bare = evaluation("mean_iou", baselines={}, per_step={0: Estimate(0.5, 0.1, 9)})
    (masks,) = figures_for(Guess(), Halves(), bare, Extras(), 0)
    assert masks.name == "masks" and masks.wide
    assert not list(figures_for(Guess(), Halves(channels=2), bare, Extras(), 0))


@pytest.mark.parametrize(("count", "wide"), [(20, False), (21, True)])
def test_a_map_of_many_tasks_is_wide(count, wide):
    assert shown_relatedness(relatedness(count)).wide == wide


def test_a_figure_is_kept_as_a_file(tmp_path):
    figure = shown_relatedness(relatedness()).figure
    shown = Shown("map", "t", "how to read it", "a map", figure)
    assert "how to read it" in shown.keep(tmp_path)
    assert (tmp_path / "figures" / "map.png").read_bytes().startswith(b"\x89PNG")
    drawn(figure)
