"""Triage: what is asked, how models are ranked, which images are doubtful; the engine is played."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tui_cytpix.core.statistics.sampling import DESCRIPTORS
from tui_cytpix.domain.jobs.events import Failed, Finished, Progress, Started
from tui_cytpix.domain.model_card import Provenance
from tui_cytpix.errors import JobError, ModelFileError, UsageError
from tui_cytpix.formats.model.file import read_card
from tui_cytpix.formats.model.miscount_model import read_miscount_model
from tui_cytpix.formats.sample.registry import open_sample
from tui_cytpix.workflow.assess import triage
from tui_cytpix.workflow.assess.triage import TriageRequest
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run import jobs, resources

BUILT_IN = resources.built_in_models()


@pytest.fixture
def engine(monkeypatch):
    """`cell-full` doubles every third image and wavers on it, `cell-half` every second; the others count one."""
    monkeypatch.setattr(library, "built_in_models", lambda: BUILT_IN)
    asked = []

    def play(job):
        spec = job.spec
        asked.append(spec)
        for sample in spec.samples:
            number = len(sample.events)
            arrays = {"events": np.array(sample.events), "descriptors": np.zeros((number, len(DESCRIPTORS)))}
            with open_sample(Path(sample.path)) as reader:
                arrays["digests"] = np.array([reader.pixel_digest(event) for event in sample.events])
            for place, path in enumerate(spec.models):
                every = {"cell-full": 3, "cell-half": 2}.get(read_card(Path(path)).name, 10**6)
                odd = np.arange(number) % every == every - 1
                counts = np.ones((number, 5), np.int16)
                counts[odd, 0] = 2
                arrays |= {
                    f"counts_{place}": counts,
                    f"confidence_{place}": np.where(odd, 0.4, 0.95).astype(np.float32),
                }
                arrays[f"zoom_{place}"] = np.float64(spec.zoom or 1)
                arrays[f"zoom_by_{place}"] = np.str_("set" if spec.zoom else "nothing")
            out = Path(spec.out)
            out.mkdir(exist_ok=True)
            np.savez(out / f"{sample.name}.npz", **arrays)
        job.emit(Started(device="cpu", threads=1, pid=0, host="elsewhere"))
        job.emit(Progress(done=3, total=3, what="x"))
        job.emit(Finished())

    monkeypatch.setattr(jobs, "start", play)
    return asked


def test_models_are_ranked_by_what_is_expected_of_them(engine, samples):
    seen = []
    (found,) = triage.triage(TriageRequest((samples.make("tube", 24),)), lambda *p: seen.append(p))
    names = [one.model.card.name for one in found.models]
    assert set(names[:2]) == {"general-full", "bead-full"}  # as good as their halves, with finer masks
    assert set(names[2:4]) == {"general-half", "bead-half"}
    assert names[4:] == ["cell-full", "cell-half"]
    assert found.images == 24
    assert seen == [(3, 3)]
    worst = found.models[-1]
    assert worst.signs.apart == 0.5
    assert worst.signs.wavering == 0.5
    assert worst.signs.resolution == pytest.approx(np.mean([(n % 2 == 1) != (n % 3 == 2) for n in range(24)]))
    known = read_miscount_model(BUILT_IN / "miscount_model.json").errors
    assert (worst.expected, worst.low, worst.high) == known.expected(worst.signs, 24)
    assert worst.low < worst.expected < worst.high
    assert "most promising" in triage.in_words(found)
    assert triage.HOPELESS not in triage.in_words(found)
    assert found.crowded == ""
    assert "seen as large as they are (unknown scale; nothing" in triage.seen_in_words(found)
    bad = replace(found, models=tuple(replace(one, expected=0.4) for one in found.models), crowded="Too many.")
    assert triage.in_words(bad).endswith(f"{triage.HOPELESS} Too many.")


@pytest.mark.parametrize(("held", "trusted"), [(9, False), (8, True)])
def test_a_sample_that_is_too_crowded_is_not_trusted(engine, samples, monkeypatch, held, trusted):
    """Half of the images hold so many by one of the models, which need not be the best."""
    read = triage.read_npz

    def crowded(path):
        arrays = dict(read(path))
        arrays["counts_0"] = np.where(np.arange(24)[:, None] < 13, held, arrays["counts_0"])
        return arrays

    monkeypatch.setattr(triage, "read_npz", crowded)
    (found,) = triage.triage(TriageRequest((samples.make("tube", 24),)))
    assert found.trusted is trusted
    assert triage.in_words(found).startswith("Too crowded to trust this estimate") is not trusted


def test_the_general_models_are_asked_too_but_only_those_wanted_are_ranked(engine, samples):
    (found,) = triage.triage(TriageRequest((samples.make("tube", 24),), models=("cell-full",)))
    assert [one.model.card.name for one in found.models] == ["cell-full"]
    assert [read_card(Path(p)).name for p in engine[0].models] == ["cell-full", "general-full", "general-half"]
    assert len(found.doubtful) == 8
    assert all("others count otherwise" in one.why and "wavers" in one.why for one in found.doubtful)
    events = engine[0].samples[0].events
    assert {one.image.event for one in found.doubtful} == set(events[2::3])
    assert found.doubtful[0].counts == {"cell-full": 2, "general-full": 1, "general-half": 1}


def test_models_that_learnt_from_these_images_are_told(engine, samples, model_file):
    sample = samples.make("tube", 24)
    with open_sample(sample) as reader:
        digests = [reader.pixel_digest(event) for event in reader.event_ids]
    made = Provenance(training=(*digests[:5], "0" * 16), validation=tuple(digests[4:7]))
    models = (str(model_file("mine", provenance=made)), str(model_file("older")), "cell-full")
    (found,) = triage.triage(TriageRequest((sample,), models=models))
    assert sorted(found.notes) == [
        "mine, or a model it descends from, was trained on 5 and validated on 2 of these 24 images: what is found here "
        "flatters it. Images that it has not seen tell more.",
        "older doesn't tell all that it was trained on: these images may be among it.",
    ]


def test_a_users_model_has_no_sibling_and_nothing_known_of_what_it_saw(engine, samples, model_file):
    (found,) = triage.triage(TriageRequest((samples.make("tube", 24),), models=(str(model_file("mine")),)))
    (one,) = found.models
    assert math.isnan(one.signs.resolution)
    assert math.isnan(one.signs.unlike)
    assert 0 < one.expected < 1


def test_a_seeded_draw_of_every_sample(engine, samples):
    paths = (samples.make("tube", 24), samples.make("other", 12))
    request = TriageRequest(paths, models=("general-full",), images=10, um_per_px=0.3, seed=4)
    found = triage.triage(request)
    assert [(one.name, one.images) for one in found] == [("tube", 10), ("other", 10)]
    triage.triage(request)
    assert engine[0].samples == engine[1].samples
    assert engine[0].samples[0].um_per_px == 0.3
    (larger,) = triage.triage(replace(request, samples=paths[:1], zoom=1.5))
    assert engine[2].zoom == 1.5
    words = "seen 1.5 times as large (unknown scale; as set)"
    assert triage.seen_in_words(larger) == f"Images are {words}."
    both = replace(larger, models=(*larger.models, replace(found[0].models[0], model=library.find("bead-full"))))
    assert triage.seen_in_words(both).startswith(f"general-full: {words}; bead-full: seen as large")


def test_what_cannot_be_asked_is_refused(engine, samples, monkeypatch):
    with pytest.raises(UsageError, match="Nothing to look at"):
        triage.triage(TriageRequest(()))
    with pytest.raises(ModelFileError, match="no such model"):
        triage.triage(TriageRequest((samples.make("tube", 3),), models=("gone",)))

    def fail(job):
        job.emit(Failed(reason="no memory"))

    monkeypatch.setattr(jobs, "start", fail)
    with pytest.raises(JobError, match="failed"):
        triage.triage(TriageRequest((samples.make("next", 3),), models=("cell-full",)))
