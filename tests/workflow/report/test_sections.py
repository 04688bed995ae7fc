"""The report says what the run says, is one file, and copes with what is missing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.reviewing import judge
from tui_cytpix.domain.jobs.processed import ProcessedSample, ProcessRecord
from tui_cytpix.domain.plain_values import to_plain
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement, Preference
from tui_cytpix.errors import RunError
from tui_cytpix.formats.run.predictions import Prediction, PredictionStore, write_shard
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.base_model import differences, library
from tui_cytpix.workflow.evaluate import pairs, trial
from tui_cytpix.workflow.report import sections
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import coverage, selection


def answers(run, model, keys, extra: int):
    """A disc with one centroid, or two in every `extra`th image."""
    mask = np.zeros((48, 48), bool)
    mask[13:28, 8:23] = True
    points = [np.array([[20, 15 + 3 * j] for j in range(2 if n % extra == 0 else 1)], np.float32) for n in range(99)]
    found = [Prediction(key, Segmentation(mask, points[n])) for n, key in enumerate(keys)]
    write_shard(run.folder.predictions(model.hash), str(len(keys)), found)
    return PredictionStore(run.folder.predictions(model.hash))


@pytest.fixture
def told(tmp_path, samples, model_file):
    """A run through all steps but training."""
    with Run.create(tmp_path / "r", "my <run>", seed=2) as run:
        for name in ("one", "two"):
            run_samples.add_sample(run, samples.make(name, 60), 0.3, condition=f"{name} & co")
        base, new = library.entry(model_file("base")), library.entry(model_file("new-one"))
        review.state_goal(run, "gating", "one <b>until</b> it parts")
        review.choose_model(run, base)
        library.choose(run, base)
        drawn = review.draw(run, 24)
        answers(run, base, drawn, 3)
        for n, key in enumerate(drawn):
            judge(run, key, base, Judgement.COUNT_ERROR if n % 3 == 0 else Judgement.ACCEPTABLE, counted=1)
        found = selection.select(run, 50)
        coverage.save(run, found)
        run.folder.model_path.write_bytes(model_file("new-one").read_bytes())
        fresh = trial.draw(run, 20)
        stores = answers(run, base, fresh, 3), answers(run, new, fresh, 7)
        for difference in differences.between(fresh, *stores):
            right = Preference.NEW if difference.counts_differ else Preference.EQUAL
            pairs.prefer(run, (new, base), difference, right, blind=True)
        yield run


def test_everything_that_was_decided_is_there(told, tmp_path):
    out = sections.write_report(told, tmp_path / "report.html")
    text = out.read_text("utf-8")
    for words in (
        "Count: retrain. 8 wrong of 24",
        "Mask: not yet known",
        "population gating and clean-up: good up to 2.0%",
        "50 images selected: 35 at random, 15 for variety",
        "(McNemar)",
        "In short",
        "Step 1, base, 24 images judged: Retrain: count.",
        "pairs judged: ",
        "good enough for the goal is not known",
        "it was hidden which answer was whose",
        "one &amp; co",
        "No image was annotated",
        told.settings.samples[0].fingerprint,
        told.settings.base_model.hash,
    ):
        assert words in text, words
    assert text.count("<svg") == 2
    assert text.count("data:image/png") == 8 + len(re.findall(r": base counts \d, new \d</figcaption>", text))


def test_well_and_control_stand_in_it_where_a_sample_has_them(told, tmp_path):
    def heads(name):
        return re.findall(r"<th>([^<]*)</th>", sections.write_report(told, tmp_path / name).read_text("utf-8"))

    assert "Well" not in heads("before.html")
    run_samples.label(told, "two", well="B7")
    found = heads("after.html")
    assert "Well" in found
    assert "Control" not in found
    assert "<td>B7</td>" in (tmp_path / "after.html").read_text("utf-8")


def test_scale_depth_and_hashes_stand_in_it_for_every_output(told, tmp_path):
    sample = ProcessedSample(
        name="one", um_per_px=0.3, um_per_px_source="given", bit_depth=8, pixels="pixels-sha256:ab"
    )
    good, bad = told.path / "processed" / "new-one-1234", told.path / "processed" / "broken"
    for folder, content in ((good, to_plain(ProcessRecord(model_hash="sha256:5", samples=(sample,)))), (bad, [])):
        folder.mkdir(parents=True)
        (folder / "process.json").write_text(json.dumps(content))
    text = sections.write_report(told, tmp_path / "report.html").read_text("utf-8")
    assert "<th>Bits</th>" in text
    assert "<td>0.3 (given)</td><td>8</td>" in text
    assert "Processed new-one-1234" in text
    assert "8 bits, 0.3 um/px (given); pixels-sha256:ab" in text
    assert "broken" not in text


def test_it_is_self_contained_and_nothing_is_read_as_markup(told, tmp_path):
    text = sections.write_report(told, tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in text
    assert "one &lt;b&gt;until" in text
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert "url(" not in text
    assert str(tmp_path) not in text.replace(str(told.settings.assess.model), "").replace(
        told.settings.base_model.model, ""
    )


def test_the_sample_run_tells_where_its_model_comes_from_without_the_curve(tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(Path(__file__).parents[3] / "sample_runs" / "s_pombe", copy)
    with Run.open(copy, writing=False) as run:
        text = sections.write_report(run, tmp_path / "report.html").read_text("utf-8")
        card = library.entry(run.folder.model_path).card.training
    assert str(card["curve"][0][1]) not in text
    assert f"name {card['lineage'][0]['name']}" in text
    assert "[{" not in text


def test_an_empty_run_has_a_report_too(tmp_path):
    with Run.create(tmp_path / "r") as run:
        text = sections.write_report(run, tmp_path / "report.html").read_text("utf-8")
    for words in ("nothing was assessed", "None was chosen", "No image was selected", "There is no new model"):
        assert words in text
    with Run.open(tmp_path / "r") as run, pytest.raises(RunError, match="can't be written"):
        sections.write_report(run, tmp_path / "none" / "report.html")
