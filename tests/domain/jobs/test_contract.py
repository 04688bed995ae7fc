"""What app and engine tell each other comes back as it was; what is damaged or of a newer version ends neither."""

from __future__ import annotations

import dataclasses
import enum
import json
import tomllib
import types
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from tests import job_files
from tui_cytpix.domain.annotation import Edit
from tui_cytpix.domain.jobs.events import EVENTS, Counts, Log, Started
from tui_cytpix.domain.jobs.log_lines import LogLine, Unreadable, line_from, record_of
from tui_cytpix.domain.jobs.specs import KINDS, ProcessSpec, SampleAtWork, TrainSpec, spec_from, table_of
from tui_cytpix.domain.jobs.training import Epoch
from tui_cytpix.domain.jobs.wishes import WISHES, AddEpochs, Predict
from tui_cytpix.domain.model_card import Kept, ModelCard
from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import PairVerdict, Verdict
from tui_cytpix.errors import JobError
from tui_cytpix.formats.run.job import JobFolder

LOGS = [*((kind, EVENTS) for kind in EVENTS.values()), *((kind, WISHES) for kind in WISHES.values())]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=6,
)
NUMBERS = {float: st.floats, int: st.integers}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values that a field of that type may have."""
    origin, args = get_origin(hint), get_args(hint)
    if hasattr(hint, "__metadata__"):
        (meta,) = hint.__metadata__
        low = meta.ge if meta.gt is None else 1e-9
        return NUMBERS[args[0]](low, meta.le)
    if origin in (types.UnionType,) or str(origin) == "typing.Union":
        return st.one_of([values(one) for one in args])
    if origin is tuple:
        if args[-1] is ...:
            return st.lists(values(args[0]), max_size=3).map(tuple)
        return st.tuples(*map(values, args))
    if origin is dict:
        return st.dictionaries(values(args[0]), values(args[1]), max_size=3)
    if issubclass(hint, Struct | Kept):
        return made(hint)
    if issubclass(hint, enum.Enum):
        return st.sampled_from(list(hint))
    keys = st.builds(ImageKey, st.text("ab", max_size=2), st.text(max_size=5))
    return {str: st.text(max_size=8), bool: st.booleans(), type(None): st.none(), ImageKey: keys}[hint]


def made(kind: type) -> st.SearchStrategy[Any]:
    """Objects of the Struct."""
    hints = get_type_hints(kind, include_extras=True)
    parts = {name: values(hint) for name, hint in hints.items() if not name.startswith("__")}
    if "zoom" in parts:
        parts["zoom"] = st.just(0.0) | st.floats(0.2, 5.0)
    if kind is Counts:
        parts["contradicted"] = st.none() | st.just({})
    return st.builds(kind, **parts)


@given(st.data())
def test_a_line_comes_back_as_it_was(data):
    kind, known = data.draw(st.sampled_from(LOGS))
    line = data.draw(made(kind))
    record = json.loads(json.dumps(record_of(line, 7, known), allow_nan=False))
    back = line_from({**record, "of_a_newer_version": [1]}, known)
    assert job_files.bare([back]) == job_files.bare([line])
    assert (back.seq, back.time, known[record["type"]]) == (7, record["time"], kind)


@given(st.data())
def test_a_line_with_any_value_anywhere_is_read_or_told(data):
    kind, known = data.draw(st.sampled_from(LOGS))
    record = record_of(data.draw(made(kind)), 7, known)
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(JSON)
    line = line_from(record, known)
    assert type(line) in (kind, Unreadable, LogLine, *known.values())
    assert isinstance(line.seq, int)


@given(st.data())
def test_a_job_comes_back_as_it_was(data):
    spec = data.draw(st.sampled_from(list(KINDS.values())).flatmap(made))
    assert spec_from({**tomllib.loads(tomli_w.dumps(table_of(spec))), "of_a_newer_version": 1}) == spec


@given(st.data())
def test_a_job_with_any_value_anywhere_is_read_or_refused_in_words(data):
    table = table_of(data.draw(st.sampled_from(list(KINDS.values())).flatmap(made)))
    table[data.draw(st.sampled_from(sorted(table)))] = data.draw(JSON)
    try:
        spec = spec_from(table)
    except ValueError:
        return
    assert type(spec) is KINDS[table["kind"]]


@pytest.mark.parametrize(
    "kind", [*EVENTS.values(), *WISHES.values(), *KINDS.values(), RunSettings, ModelCard, Edit, Verdict, PairVerdict]
)
def test_every_number_that_is_read_has_a_range(kind):
    def bare(hint: Any) -> bool:
        if hasattr(hint, "__metadata__") or hint is Segmentation:
            return False
        if dataclasses.is_dataclass(hint) or hasattr(hint, "__struct_fields__"):
            return any(map(bare, get_type_hints(hint, include_extras=True).values()))
        return hint in (int, float) or any(map(bare, get_args(hint)))

    assert not bare(kind)


def test_lines_as_former_builds_wrote_them_are_read():
    old = {"v": 1, "seq": 3, "time": 5.5}
    epoch = {
        "epoch": 1, "loss": 0.8, "ta": 0.7, "va": 0.9, "va_error": 0.06, "seconds": 0.6, "rate": 0.0006,
        "training_images": 8, "validation_images": 2, "target": 100,
    }  # fmt: skip
    counts = {"epoch": 1, "scope": "annotated", "counts": {"s:1": 3}, "contradicted": {"s:1": [4, 1]}}
    records = [{"type": "epoch", **epoch}, {"type": "counts", **counts}, {"type": "started", "pid": 7}]
    lines = [line_from({**old, **record}, EVENTS) for record in records]
    assert {(line.seq, line.time) for line in lines} == {(3, 5.5)}
    assert job_files.bare(lines) == [
        Epoch(1, 0.8, 0.7, 0.9, 0.6, 8, 2, 0.06, 0.0006, 100),
        Counts(1, {ImageKey("s", "1"): 3}, "annotated", {ImageKey("s", "1"): (4, 1.0)}),
        Started(pid=7),
    ]
    images = [{"sample": "s", "path": "/s", "events": ["1"], "zoom": 2}]
    wish = line_from({"type": "predict", "id": 1, "model": "/m", "images": images, "out": "/o", "shard": "x"}, WISHES)
    assert isinstance(wish, Predict)
    assert wish.images[0].zoom == 2.0


def test_jobs_as_former_builds_wrote_them_are_read():
    sample = {"name": "s", "path": "/s", "find_scale": False, "um_per_px": 1}
    spec = spec_from({"kind": "process", "model": "/m", "out": "/o", "samples": [sample], "size_cutoff_um": 5})
    assert spec == ProcessSpec(
        model="/m",
        out="/o",
        samples=(SampleAtWork(name="s", path="/s", find_scale=False, um_per_px=1.0),),
        size_cutoff_um=5.0,
    )
    root = Path(__file__).parents[2]
    for run in (root / "sample_runs" / "s_pombe", root / "tests" / "workflow" / "run_of_0_1_0"):
        for job in map(JobFolder, run.glob("jobs/*")):
            assert isinstance(job.spec, TrainSpec)
            lines = job.new_events().new()
            assert len(lines) > 1
            assert not any(type(line) in (Unreadable, LogLine) for line in lines)


def test_a_type_of_a_newer_version_is_no_more_than_a_line():
    line = line_from({"v": 1, "seq": 4, "time": 1.0, "type": "dance", "epochs": "many"}, WISHES)
    assert (type(line), line.seq) == (LogLine, 4)


def test_the_first_damaged_line_is_told(tmp_path):
    job = JobFolder.create(tmp_path / "1-train", TrainSpec())
    good = json.dumps(record_of(AddEpochs(5), 2, WISHES))
    bad = json.dumps({"type": "more", "seq": 2, "epochs": "5"})
    job.control_path.write_text(f"{bad}\n{good}\n{bad}\n")
    first, told, second, last = job.new_wishes().new()
    assert isinstance(told, Log)
    assert "more: epochs: Expected `int`, got `str`" in told.text
    assert (second.seq, second.epochs) == (2, 5)
    assert (type(first), first.seq, type(last)) == (Unreadable, 2, Unreadable)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("once = 'false'", "once: Expected `bool`"),
        ("idle_exit_s = nan", "idle_exit_s: Expected `float` >= 0"),
        ("threads = -1", "threads: Expected `int` >= 0"),
        ("kind = 'dance'", "'dance' is unknown"),
    ],
)
def test_a_damaged_job_says_what_is_wrong(tmp_path, line, words):
    kind = "" if line.startswith("kind") else "kind = 'predict'\n"
    (tmp_path / "job.toml").write_text(f"{kind}{line}\n")
    with pytest.raises(JobError, match="The job can't be read") as refused:
        _ = JobFolder(tmp_path).spec
    assert words in str(refused.value)
