"""`run pairs`: a table that doesn't tell the models apart, taken back as preferences; what they say."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.domain.model_card import ARCHITECTURE, ModelCard
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.model.file import write_model
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.base_model import differences, library
from tui_cytpix.workflow.evaluate import pair_words, pairs, trial
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

SAMPLES = ("r1", "r2", "r3", "p1", "p2", "p3")
IMAGES, DIFFERING = 40, 12  # of each sample
TRUTH = 2  # the new model counts two everywhere, the base one in the images that differ


def model(path: Path, weight: float) -> Path:
    card = ModelCard(path.stem, "half", "UDT", network={"architecture": ARCHITECTURE})
    write_model(path, {"w": np.full(3, weight, np.float32)}, card)
    return path


def answer(run: Run, path: Path, keys: tuple[ImageKey, ...], counts: Callable[[ImageKey], int]) -> None:
    mask = np.zeros((16, 16), bool)
    mask[4:12, 3:13] = True
    centroids = np.array([[8, 5], [8, 10]], np.float32)
    said = [Prediction(key, Segmentation(mask, centroids[: counts(key)])) for key in keys]
    write_shard(run.folder.predictions(library.entry(path).hash), "1", said)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Three tubes of each of two conditions, drawn and answered by both models."""
    with Run.create(tmp_path / "r", seed=3) as run:
        for sample in SAMPLES:
            (tmp_path / sample).mkdir()
            for event in range(IMAGES):
                noise = np.random.default_rng([SAMPLES.index(sample), event]).integers(90, 110, (16, 16), np.uint8)
                Image.fromarray(noise).save(tmp_path / sample / f"{event}.png")
            run_samples.add_sample(run, tmp_path / sample, 0.3)
            run_samples.label(run, sample, condition="rich" if sample.startswith("r") else "poor")
        base, new = model(tmp_path / "base.safetensors", 1), model(run.path / "model.safetensors", 2)
        library.choose(run, library.entry(base))
        review.choose_model(run, library.entry(base))
        drawn = trial.draw(run, IMAGES * len(SAMPLES))
        answer(run, new, drawn, lambda _key: TRUTH)
        answer(run, base, drawn, lambda key: 1 if int(key.event) < DIFFERING else TRUTH)
    return tmp_path / "r"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def judge(path: Path, out: Path, better: Callable[[dict[str, str]], str]) -> Path:
    rows = read(path)
    for row in rows:
        row["better"] = better(row)
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return out


def by_truth(row: dict[str, str]) -> str:
    left, right = (int(row[f"{side}_count"]) == TRUTH for side in ("left", "right"))
    return {(True, True): "equal", (False, False): "neither"}.get((left, right), "left" if left else "right")


def test_a_judged_table_ends_in_the_verdict_that_the_screen_shows(made, run_main, tmp_path):
    table, pictures = tmp_path / "pairs.csv", tmp_path / "pictures"
    said = run_main("run", "pairs", made, "--out", table, "--pictures", pictures)[1]
    rows = read(table)
    assert said.startswith(f"new model against base base: 0 of {len(rows)} pairs judged, of 240 random images")
    assert "→" not in said  # what each counts, which would tell a judge which is which
    assert len(rows) == len(SAMPLES) * (DIFFERING + 10)
    assert {row["better"] for row in rows} == {""}
    assert {path.stem for path in pictures.iterdir()} == {row["pair"] for row in rows}
    left = [row["left_count"] for row in rows if row["left_count"] != row["right_count"]]
    assert 0.3 < left.count("2") / len(left) < 0.7  # sides are drawn
    judged = judge(table, tmp_path / "judged.csv", by_truth)
    found = json.loads(run_main("run", "pairs", made, "--preferences", judged, "--json")[1])
    assert (found["judged"], found["pairs"], found["differing"]) == (len(rows), len(rows), len(SAMPLES) * DIFFERING)
    assert found["gain"]["value"] == pytest.approx(DIFFERING / IMAGES)
    assert found["verdict"] == "The new model counts better, in these samples."  # of no stated unit
    assert found["samples"]["p2"]["count_right_only_in"] == {"new": DIFFERING, "base": 0, "p": pytest.approx(2**-11)}
    assert list(found["conditions"]) == ["rich", "poor"]
    assert found["conditions"]["poor"]["confusion"] == [{"true": 2, "counted": 2, "share": pytest.approx(1)}]
    with Run.open(made, writing=False) as run:
        models = trial.both_models(run)
        verdicts = pairs.preferences(run, *models)
        stores = [run.answers(one.hash) for one in reversed(models)]
        answered = differences.between(run.settings.evaluate.sequence, *stores)
        assert pair_words.lines(pairs.conclude(run, answered, verdicts, run.settings.assess.p1))[0] == found["verdict"]
        assert {v.blind for v in verdicts.values()} == {True}
        seed = pairs.seed_of(run, *models)
        assert all(v.new_first == pairs.new_comes_first(v.image, seed) for v in verdicts.values())
    words = run_main("run", "pairs", made)[1].splitlines()
    assert words[1] == "Counts differ on 72 of 240 images (base→new): 72 × 1→2."
    assert words[2:] == found["words"]
    assert any("animal) of any of them is not stated" in line for line in words)
    with Run.open(made, writing=False) as run:
        names = [sample.name for sample in run.settings.samples]
    for name in names:
        run_main("run", "label", made, name, "--unit", f"culture {name}")
    words = run_main("run", "pairs", made)[1]
    assert "Over 6 units no" not in words
    assert "95 % over 3 and 3 units" in words
    assert "So few units can't show a difference (the smallest p is 0.1)" in words
    found = json.loads(run_main("run", "pairs", made, "--json")[1])
    assert run_main("run", "report", made, "--out", tmp_path / "report.html")[0] == 0
    assert found["verdict"] in (tmp_path / "report.html").read_text("utf-8")


def test_part_of_a_table_is_taken_and_what_was_said_stands_in_the_next(made, run_main, tmp_path):
    table, some = tmp_path / "pairs.csv", tmp_path / "some.csv"
    run_main("run", "pairs", made, "--out", table)
    first = [row["pair"] for row in read(table)[:7]]
    judge(table, some, lambda row: by_truth(row) if row["pair"] in first else "")
    assert "7 of 7 preferences are new" in run_main("run", "pairs", made, "--preferences", some)[2]
    assert "0 of 7 preferences are new" in run_main("run", "pairs", made, "--preferences", some)[2]
    run_main("run", "pairs", made, "--out", tmp_path / "again.csv")
    assert read(tmp_path / "again.csv") == read(some)
    judge(table, some, lambda row: "unclear" if row["pair"] == first[0] else "")
    assert json.loads(run_main("run", "pairs", made, "--preferences", some, "--json")[1])["unclear"] == 1


def test_true_counts_decide_whose_count_is_right_and_stay_where_none_is(made, run_main, tmp_path):
    table, counts = tmp_path / "pairs.csv", tmp_path / "counts.csv"
    run_main("run", "pairs", made, "--out", table)
    rows = read(table)
    differing = [row["pair"] for row in rows if row["left_count"] != row["right_count"]]
    for row in rows:
        row["true_count"] = "5" if row["pair"] == differing[0] else str(TRUTH)
    with counts.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert (
        f"{len(rows)} of {len(rows)} preferences are new" in run_main("run", "pairs", made, "--preferences", counts)[2]
    )
    assert f"0 of {len(rows)} preferences are new" in run_main("run", "pairs", made, "--preferences", counts)[2]
    found = json.loads(run_main("run", "pairs", made, "--json")[1])
    assert sum(one["count_right_only_in"]["new"] for one in found["samples"].values()) == len(differing) - 1
    cells = [cell for one in found["conditions"].values() for cell in one["confusion"]]
    assert {(cell["true"], cell["counted"]) for cell in cells} == {(TRUTH, TRUTH), (3, TRUTH)}
    counts.write_text(counts.read_text().replace(",,5,", ",left,5,"))
    assert "the true count 5 says otherwise" in run_main("run", "pairs", made, "--preferences", counts)[2]
    counts.write_text(counts.read_text().replace(",left,5,", ",,five,"))
    assert "can't be read" in run_main("run", "pairs", made, "--preferences", counts)[2]


def test_a_table_is_taken_whole_or_not_at_all(made, run_main, tmp_path):
    table, bad = tmp_path / "pairs.csv", tmp_path / "bad.csv"
    run_main("run", "pairs", made, "--out", table)
    differing = next(row for row in read(table) if row["left_count"] != row["right_count"])
    place = read(table).index(differing) + 2

    def refused(status: int = 1) -> str:
        found, out, err = run_main("run", "pairs", made, "--preferences", bad)
        assert (found, out, len(err.splitlines())) == (status, "", 1)
        return err

    judge(table, bad, lambda row: "equal" if row == differing else "skipped")
    assert f"at most one is right. {bad}, line {place}: {differing['image']}" in refused()
    judge(table, bad, lambda row: "new" if row == differing else "skipped")
    assert f"line {place}: 'new' is none of left, right, equal, neither, unclear, skipped" in refused()
    judge(table, bad, lambda row: "skipped")
    bad.write_text(bad.read_text() + f"{differing['pair']},{differing['image']},left,,1,2\n")
    assert "judged twice, differently" in refused()
    bad.write_text("image,judgement\nr1:1,acceptable\n")
    assert "line 1: there is no column pair" in refused()
    bad.unlink()
    assert "The preferences can't be read" in refused()
    assert json.loads(run_main("run", "pairs", made, "--json")[1])["judged"] == 0
    assert "The file exists" in run_main("run", "pairs", made, "--out", table)[2]


def test_a_table_of_other_answers_is_refused(made, run_main, tmp_path):
    """Its sides may be others: 'left' would be said of the wrong model."""
    table, judged = tmp_path / "pairs.csv", tmp_path / "judged.csv"
    run_main("run", "pairs", made, "--out", table)
    judge(table, judged, by_truth)
    model(made / "model.safetensors", 3)
    with Run.open(made) as run:
        answer(run, made / "model.safetensors", run.settings.evaluate.sequence, lambda _key: TRUTH)
    status, _, err = run_main("run", "pairs", made, "--preferences", judged)
    assert (status, "No such pair is reviewed now" in err) == (1, True)


def test_two_models_are_needed(made, run_main, tmp_path):
    assert "Both are the same model" in run_main("run", "pairs", made, "--model", tmp_path / "base.safetensors")[2]
    (made / "model.safetensors").unlink()
    assert "The run has no model yet" in run_main("run", "pairs", made)[2]


def test_pairs_blind_first_are_counted_raw_then_compared_and_repeats_stay_apart(made, run_main, tmp_path):
    table, masks = tmp_path / "counts.csv", tmp_path / "masks.csv"
    run_main("run", "pairs", made, "--blind-first", table, "--pictures", tmp_path / "raw")
    rows = read(table)
    assert list(rows[0]) == ["showing", "better", "true_count"]
    assert {path.stem for path in (tmp_path / "raw").iterdir()} == {row["showing"] for row in rows}
    order = json.loads(run_main("run", "pairs", made, "--json")[1])["pairs"]
    raw = {path.read_bytes() for path in (tmp_path / "raw").iterdir()}
    repeats = len(rows) - order
    assert repeats > 0
    assert len(raw) == order  # repeats look the same

    def take(written: Path, column: str, say: Callable[[dict[str, str]], str]) -> str:
        said = [row | {column: say(row)} for row in read(written)]
        with (tmp_path / "said.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, said[0])
            writer.writeheader()
            writer.writerows(said)
        return str(run_main("run", "pairs", made, "--preferences", tmp_path / "said.csv")[2])

    assert "its answer has not been shown" in take(table, "better", lambda _row: "left")
    told = take(table, "true_count", lambda _row: str(TRUTH))
    assert f"{len(rows)} of {len(rows)} lines are new, {repeats} of them" in told
    found = json.loads(run_main("run", "pairs", made, "--json")[1])
    assert (found["judged"], found["pairs"]) == (order, order)
    assert found["gain"]["value"] == pytest.approx(DIFFERING / IMAGES)
    assert found["samples"]["p2"]["count_right_only_in"]["new"] == DIFFERING
    assert (found["reviewer"]["shown_twice"], found["reviewer"]["same_count"]["same"]) == (repeats, repeats)

    run_main("run", "pairs", made, "--blind-first", masks, "--pictures", tmp_path / "answers")
    shown = {path.stem for path in (tmp_path / "answers").iterdir() if path.read_bytes() not in raw}
    assert 0 < len(shown) < len(rows)  # where one is wrong, no answer is shown
    assert f"{len(shown)} of {len(rows)} lines are new" in take(
        masks, "better", lambda row: "equal" if row["showing"] in shown else row["better"]
    )
    found = json.loads(run_main("run", "pairs", made, "--json")[1])
    assert found["reviewer"]["same_mask"]["same"] == found["reviewer"]["same_mask"]["of"]
    with Run.open(made, writing=False) as run:
        said = pairs.preferences(run, *trial.both_models(run)).values()
        told_of = {(v.preference.value, v.true_count, v.blind_first) for v in said}
    assert told_of == {("new", TRUTH, True), ("equal", TRUTH, True)}
