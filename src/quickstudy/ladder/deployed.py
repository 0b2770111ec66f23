"""The ways that are kept for use: one for new rows of known tasks, one for new tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import mean

from quickstudy.ladder.kept import Kept
from quickstudy.ladder.rungs import Rung, rungs
from quickstudy.ladder.score import Score
from quickstudy.ladder.standing import Standing
from quickstudy.tasks import Table, TableTasks
from quickstudy.tasks.table_form import TableForm


@dataclass(frozen=True, eq=False)
class Deployed:
    """The best ways, fitted to all rows.

    Attributes:
        known: The way for new rows of known tasks.
        new: The way for new tasks: the best of the ways that leave a learner to adapt.
        form: Turns columns into features and back.
        better: A way that was better for new tasks but leaves no learner; empty if there is none.
    """

    known: Kept
    new: Kept
    form: TableForm
    better: str = ""

    @classmethod
    def of(cls, table: Table, scores: Sequence[Score]) -> "Deployed":
        """Choose by the scores, and fit to all rows of the table."""
        ways = {rung.name: rung for rung in rungs(table.target)}
        chosen = _Chosen.of(scores, ways)
        form, rows = _scaled(table)
        new = Kept.fit(ways[chosen.new], rows)
        known = new if chosen.known == chosen.new else Kept.fit(ways[chosen.known], rows)
        return cls(known, new, form, chosen.better)

    def words(self) -> list[str]:
        """Say which ways are kept."""
        found = [f"Kept for known tasks: {self.known.rung.name}."]
        more = f" ({self.better} was better, but adapts to no new task quickly)"
        found.append(f"Kept for new tasks: {self.new.rung.name}{more if self.better else ''}.")
        return found


def _scaled(table: Table) -> tuple[TableForm, TableTasks]:
    """Give the form of the whole table, and its rows in this form."""
    whole = table.whole()
    form = TableForm.of(whole, table.labels)
    return form, form.tasks(whole)


@dataclass(frozen=True)
class _Chosen:
    """The names of the ways that are kept, and of a better way that cannot be kept."""

    known: str
    new: str
    better: str

    @classmethod
    def of(cls, scores: Sequence[Score], ways: Mapping[str, Rung]) -> "_Chosen":
        """Choose by the scores."""
        for_known, for_new = Standing.of(scores, None).order, _for_new(scores)
        order = for_new or for_known
        new = next((name for name in order if ways[name].adapts), list(ways)[-1])
        return cls((for_known or order)[0], new, order[0] if order[0] != new else "")


def _for_new(scores: Sequence[Score]) -> list[str]:
    """Order the ways by their mean error on new tasks, relative to the best way."""
    standings = _standings(scores)
    common = [set(standing.counted) for standing in standings]
    return sorted(set.intersection(*common), key=partial(_behind, standings)) if common else []


def _standings(scores: Sequence[Score]) -> list[Standing]:
    """Give the standing of every protocol of new tasks."""
    shots = dict.fromkeys(score.shot for score in scores if score.shot is not None)
    return [Standing.of(scores, shot) for shot in shots]


def _behind(standings: Sequence[Standing], name: str) -> float:
    """Give the error of a way divided by the error of the best, averaged over protocols."""
    return mean(each.mean(name) / each.mean(each.best) for each in standings)


__all__ = ["Deployed"]
