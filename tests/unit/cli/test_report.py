"""The report of a run."""

from tests.unit.cli.processes import run


def test_report(runs, tmp_path):
    done = run(tmp_path, "report", runs / "sines", "--num-tasks", 5)
    (page,) = (runs / "sines").glob("*.html")
    assert done.code == 0 and str(page) in done.err and "<html" in page.read_text()
