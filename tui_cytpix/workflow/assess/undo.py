"""Undo and redo in reviews: what stood before comes back, over restarts too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui_cytpix.domain.verdict import LineT, Restored, Showing, done_and_undone, last_about
from tui_cytpix.workflow.run.run import Run


def take_back(
    run: Run, lines: Sequence[LineT], in_words: Callable[[LineT | None], str], *, again: bool
) -> tuple[Showing | None, str]:
    """Undo, or (`again`) redo: the showing that it was about, and what it did; `in_words` tells a line."""
    found = redo(run, lines) if again else undo(run, lines)
    if found is None:
        return None, f"There is nothing to {'redo' if again else 'take back'}."
    done = f"{'Redone' if again else 'Undone'}: {in_words(found.gone)} → {in_words(found.stands)}."
    return found.showing, done


def undo(run: Run, lines: Sequence[LineT]) -> Restored[LineT] | None:
    """Takes the last of a review's `lines` back; None where there is none."""
    done, _ = done_and_undone(lines)
    if not done:
        return None
    last = done[-1]
    before = last_about(last.showing, done[:-1])
    run.restore(last.unsaid() if before is None else before, undoes=last.seq)
    return _restored(last, before)


def redo(run: Run, lines: Sequence[LineT]) -> Restored[LineT] | None:
    """Reinstates what undo took back last; None where there is nothing, or something was said since."""
    done, undone = done_and_undone(lines)
    if not undone:
        return None
    again = undone[-1]
    run.restore(again, redoes=again.seq)
    return _restored(last_about(again.showing, done), again)


def _restored(gone: LineT | None, stands: LineT | None) -> Restored[LineT]:
    showing = next(line.showing for line in (gone, stands) if line is not None)
    return Restored(showing, gone if gone and gone.said else None, stands if stands and stands.said else None)
