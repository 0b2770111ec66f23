"""Tables, figures, and the page to look at after a run."""

from quickstudy.reporting.by_group import accuracy_by_group_values
from quickstudy.reporting.curves import curve_over_steps, learning_curves
from quickstudy.reporting.episode_picture import episode_picture
from quickstudy.reporting.estimates import accuracy_by_group, baselines_chart
from quickstudy.reporting.fits import sinusoid_fits
from quickstudy.reporting.ladder_page import ladder_chart, write_ladder
from quickstudy.reporting.page import write_report
from quickstudy.reporting.pixel_picture import pixel_picture
from quickstudy.reporting.relatedness_map import relatedness_map
from quickstudy.reporting.relatedness_page import write_relatedness
from quickstudy.reporting.report import groups_of, report, write_run
from quickstudy.reporting.table import results_table

__all__ = [
    "accuracy_by_group",
    "accuracy_by_group_values",
    "baselines_chart",
    "curve_over_steps",
    "episode_picture",
    "groups_of",
    "ladder_chart",
    "learning_curves",
    "pixel_picture",
    "relatedness_map",
    "report",
    "results_table",
    "sinusoid_fits",
    "write_ladder",
    "write_relatedness",
    "write_report",
    "write_run",
]
