"""How far an output folder is: of each tube of a list whether it is done as is asked for. No tube is opened, unless one
of its files has another size or time of change than when it was done. Slurm is asked for those that wait with it only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from tui_cytpix.domain.jobs.processed import Asked, TubeRecord, differs
from tui_cytpix.domain.jobs.specs import ProcessSpec, SampleAtWork
from tui_cytpix.errors import CytpixError
from tui_cytpix.formats.run.tube_records import in_use, inputs_differ, missing_outputs, parts_made, read_record
from tui_cytpix.formats.sample.file_states import FileStates
from tui_cytpix.workflow.evaluate import slurm_array
from tui_cytpix.workflow.evaluate.output_names import names_in

NOT_ENDED = "not begun, or not ended"


class TubeState(StrEnum):
    DONE = "done"
    RUNNING = "running"
    PENDING = "pending"  # with Slurm
    STALE = "stale"  # done, but not as is asked for
    FAILED = "failed"
    MISSING = "missing"


@dataclass(frozen=True)
class TubeStatus:
    """`why` it is not done, in words, or what of it failed; `images` were processed, `failed` were not."""

    name: str
    path: str
    state: TubeState
    why: str = ""
    images: int = 0
    failed: int = 0

    def but_queued(self, where: str) -> TubeStatus:
        """The same, of a tube that waits with Slurm if `where` says so."""
        at_work = self.state in (TubeState.DONE, TubeState.RUNNING)
        return self if at_work or not where else replace(self, state=TubeState.PENDING, why=where)


def tube_states(spec: ProcessSpec) -> list[TubeStatus]:
    """Of the samples of a specification, in its order. Its size cutoff and model hash are stated; which events are in
    gates is not looked at, only what the gate is; nor what is annotated, only whether annotations were wanted at all.
    """
    out, states = Path(spec.out), FileStates()
    found = [_status(out, spec, sample, states) for sample in names_in(out, spec.samples)]
    waiting = {} if all(tube.state is TubeState.DONE for tube in found) else slurm_array.queued(out)
    return [tube.but_queued(waiting.get(tube.path, "")) for tube in found]


def to_submit(tubes: Sequence[TubeStatus], *, force: bool, retry: bool) -> set[str]:
    """The paths of those that a scheduler is to have: who are at work or wait with it are left to that, and those that
    failed are not tried again for nothing.
    """
    states = {TubeState.MISSING, TubeState.STALE}
    states |= {TubeState.FAILED} if retry or force else set()
    states |= {TubeState.DONE} if force else set()
    return {tube.path for tube in tubes if tube.state in states}


def totals(states: Iterable[TubeState]) -> dict[str, int]:
    """How many are in each state, in one order always."""
    found = Counter(states)
    return {state.value: found[state] for state in TubeState}


def totals_in_words(found: Mapping[str, int]) -> str:
    """`3 done, 1 failed`: states that there are."""
    return ", ".join(f"{number} {state}" for state, number in found.items() if number)


def _status(out: Path, spec: ProcessSpec, sample: SampleAtWork, states: FileStates) -> TubeStatus:
    state, why, record = standing(out, sample.name)
    if record is not None and state is TubeState.DONE:
        asked = Asked.of(spec, sample).but(events=None, annotated=None if spec.annotations else "")
        why = differs(record, asked) or _other_inputs(record, sample, states)
        state = TubeState.STALE if why else TubeState.DONE
    counts = (0, 0) if record is None else (record.images, record.failed)
    return TubeStatus(sample.name, sample.path, state, why, *counts)


def standing(out: Path, name: str) -> tuple[TubeState, str, TubeRecord | None]:
    """Of the tube of that name: whether it is done, whatever is asked for now; why not; and its record."""
    record = read_record(out, name)
    if in_use(out, name):
        return TubeState.RUNNING, "a job is at it", record
    if record is None:
        parts = parts_made(out, name)
        return TubeState.MISSING, f"not ended: {parts} of its parts are there" if parts else NOT_ENDED, None
    if not record.done:
        whole = [failure.reason for failure in record.failures if not failure.event]
        return TubeState.FAILED, whole[0] if whole else "its images failed", record
    if gone := missing_outputs(out, record):
        return TubeState.MISSING, f"{gone[0]} is gone, or was changed", record
    return TubeState.DONE, "", record


def _other_inputs(record: TubeRecord, sample: SampleAtWork, states: FileStates) -> str:
    try:
        return inputs_differ(record, sample, states)
    except (CytpixError, OSError) as error:
        return f"its files can't be read: {error}"
