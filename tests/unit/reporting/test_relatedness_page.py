"""The page on related tasks says which belong together."""

import re
from dataclasses import replace

import torch

import quickstudy as qs
from quickstudy import reporting
from tests.unit.reporting.related import relatedness


def test_the_page_says_which_tasks_belong_together(tmp_path):
    page = reporting.write_relatedness(
        tmp_path, relatedness(name="<shop {}>"), settings={"rows": 400}
    )
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
    text = reporting.write_relatedness(tmp_path, found).read_text()
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
    text = reporting.write_report(
        tmp_path, learner, source, evaluation, relatedness=relatedness()
    ).read_text()
    assert "Which tasks are related" in text and (tmp_path / "figures" / "relatedness.png").exists()
