"""Tables, figures, and the page one looks at after a run."""

from quickstudy.report.by_group import accuracy_by_group_values
from quickstudy.report.curves import curve_over_steps, learning_curves
from quickstudy.report.episode_picture import episode_picture
from quickstudy.report.estimates import accuracy_by_group, baselines_chart
from quickstudy.report.fits import sinusoid_fits
from quickstudy.report.ladder_page import ladder_chart, write_ladder
from quickstudy.report.page import write_report
from quickstudy.report.relatedness_map import relatedness_map
from quickstudy.report.relatedness_page import write_relatedness
from quickstudy.report.table import results_table

__all__ = [
    "accuracy_by_group",
    "accuracy_by_group_values",
    "baselines_chart",
    "curve_over_steps",
    "episode_picture",
    "ladder_chart",
    "learning_curves",
    "relatedness_map",
    "results_table",
    "sinusoid_fits",
    "write_ladder",
    "write_relatedness",
    "write_report",
]
