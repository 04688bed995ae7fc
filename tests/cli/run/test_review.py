"""`run review` on judgements made elsewhere: the overall word, what it hangs on, and the goals there were."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.core.statistics.sequential_tests import confidence_sequence
from tui_cytpix.domain.model_card import ARCHITECTURE, ModelCard
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.formats.model.file import write_model
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.workflow.assess import focus, review
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.evaluate import trial
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

IMAGES = 60  # of each sample
TRUE = {7: 1, 19: 3, 28: 1, 36: 3, 45: 3}  # where sample s is counted wrongly, by place among its images


def answers(run: Run, model: Path, keys: tuple[ImageKey, ...]) -> None:
    """Two cells in every image."""
    mask = np.zeros((16, 16), bool)
    mask[4:12, 3:13] = True
    said = Segmentation(mask, np.array([[8, 5], [8, 10]], np.float32))
    store = run.folder.predictions(library.entry(model).hash)
    write_shard(store, str(len(keys)), [Prediction(key, said) for key in keys])


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A run on two samples, all 120 images drawn and answered by its base, which shows two cells each."""
    model = tmp_path / "base.safetensors"
    write_model(
        model, {"w": np.ones(3, np.float32)}, ModelCard("base", "half", "UDT", network={"architecture": ARCHITECTURE})
    )
    with Run.create(tmp_path / "r", seed=2) as run:
        for sample in "se":
            folder = tmp_path / sample
            folder.mkdir()
            for event in range(IMAGES):
                pixels = np.random.default_rng([event, ord(sample)]).integers(0, 255, (16, 16), np.uint8)
                Image.fromarray(pixels).save(folder / f"{event}.png")
            run_samples.add_sample(run, folder, 0.3)
        base = library.entry(model)
        library.choose(run, base)
        review.choose_model(run, base)
        answers(run, model, review.draw(run, 2 * IMAGES))
    return tmp_path / "r"


def table(run: Path, of: Callable[[int, str, int], tuple[str, int | None]], step: str = "assess") -> Path:
    """Judgements of the whole sequence; `of` gives (judgement, true count), by place, sample and place within it."""
    with Run.open(run, writing=False) as opened:
        settings = opened.settings
    met: Counter[str] = Counter()
    lines = ["image,judgement,true_count"]
    for place, key in enumerate(settings.assess.sequence if step == "assess" else settings.evaluate.sequence):
        met[key.sample] += 1
        judgement, true = of(place, key.sample, met[key.sample])
        lines.append(f"{key},{judgement},{'' if true is None else true}")
    path = run.parent / "judged.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def one_bad(_place: int, sample: str, place: int) -> tuple[str, int | None]:
    return ("count", TRUE[place]) if sample == "s" and place in TRUE else ("acceptable", None)


def test_counts_alone_judge_no_mask(made, run_main):
    """Case h1."""
    run_main("run", "review", made, "--goal", "gating", "--require", "count,mask")
    found = json.loads(run_main("run", "review", made, "--judgements", table(made, lambda *_: ("", 2)), "--json")[1])
    assert (found["decision"], found["count"]["decision"], found["mask"]["judged"]) == ("not yet known", "keep", 0)
    words = run_main("run", "review", made)[1]
    assert "Mask: not judged yet." in words
    assert "Mask: keep" not in words
    assert "base: not yet known" in words


def test_one_sample_that_fails_shows_in_the_word(made, run_main):
    """Case h2: 5 count errors of 120, all in sample s."""
    run_main("run", "review", made, "--goal", "gating")
    found = json.loads(run_main("run", "review", made, "--judgements", table(made, one_bad), "--json")[1])
    assert (found["count"]["errors"], found["count"]["judged"], found["decision"]) == (5, 120, "retrain")
    assert {name: one["decision"] for name, one in found["samples"].items()} == {"e": "keep", "s": "retrain"}
    asking = [(part["sample"], part["kind"]) for part in found["parts"] if part["decision"] == "retrain"]
    assert asking == [("s", "count")]
    assert sum(part["alpha"] for part in found["parts"]) >= 0.05  # what s had, the others got
    words = run_main("run", "review", made)[1]
    assert words.startswith("base: retrain (keep for e; retrain for s), 120 random images processed\n")
    assert "Count: retrain. 5 wrong of 120" in words


def test_a_goal_that_is_changed_after_judging_is_kept_and_told(made, run_main, tmp_path):
    """Case m2: the rates are loosened until the verdict is another."""
    run_main("run", "review", made, "--goal", "gating")
    run_main("run", "review", made, "--goal", "quantitative", "--require", "count mask")
    first = json.loads(run_main("run", "review", made, "--judgements", table(made, one_bad), "--json")[1])
    assert (first["decision"], first["earlier_goals"]) == ("retrain", [])  # nothing was judged under the first
    run_main("run", "review", made, "--p0", "8", "--p1", "25")
    then = json.loads(run_main("run", "review", made, "--p0", "8", "--p1", "25", "--json")[1])  # said again: no change
    assert (then["decision"], then["goal"]["p0"], then["goal"]["goal"]) == ("keep", 0.08, "quantitative")
    (earlier,) = then["earlier_goals"]
    assert (earlier["p0"], earlier["p1"], earlier["judged"]) == (0.01, 0.05, 120)
    out = tmp_path / "report.html"
    run_main("run", "report", made, "--out", out)
    change = (
        r"Changed on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, after 120 judgements: the goal was quantitative comparison: "
        r"good up to 1.0%, intolerable from 5.0%; required: count, mask, then quantitative comparison: good up to "
        r"8.0%, intolerable from 25.0% \(usual: 1.0% and 5.0%\); required: count, mask\."
    )
    for told in (run_main("run", "review", made)[1], run_main("run", "status", made)[1], out.read_text("utf-8")):
        assert re.search(change, told), told
    status = json.loads(run_main("run", "status", made, "--json")[1])
    assert status["earlier_goals"] == then["earlier_goals"]
    run_main("run", "review", made, "--convention", "a bud is a cell")
    assert re.search(
        r'after 120 judgements: the convention was ".*", then "a bud is a cell"', run_main("run", "status", made)[1]
    )


def test_images_left_out_as_blurred_are_no_part_of_the_verdict_and_what_was_said_of_them_is_told(
    made, run_main, tmp_path
):
    """A least focus that is raised after judging leaves errors out: app, verb and report say how many."""
    run_main("run", "review", made, "--goal", "gating", "--require", "count")
    run_main("run", "review", made, "--judgements", table(made, one_bad))
    with Run.open(made) as run:
        model = library.find(run.settings.assess.model)
        found = focus.scores(run, model, run.answers(model.hash), run.settings.assess.sequence)
        wrong = {key: v.count_wrong for key, v in review.verdict_of(run, model).items()}
        least = min(score for key, score in found.items() if wrong[key]) + 0.0001
        review.set_least_focus(run, least)
    left = [key for key, score in found.items() if score >= least]
    said = json.loads(run_main("run", "review", made, "--json")[1])
    assert (said["processed"], said["images"], said["count"]["judged"]) == (120, len(left), len(left))
    assert said["count"]["errors"] == sum(wrong[key] for key in left) < 5
    out = tmp_path / "report.html"
    run_main("run", "report", made, "--out", out)
    told = f", of which {120 - len(left)} had been judged ({5 - said['count']['errors']} counts and 0 masks wrong)"
    for words in (run_main("run", "review", made)[1], out.read_text("utf-8")):
        assert told in words
    assert "as blurred" not in run_main("run", "review", made, "--step", "evaluate")[1]


def test_half_the_frames_unusable_is_no_keep(made, run_main):
    """Case m3."""
    run_main("run", "review", made, "--goal", "gating", "--require", "count,mask")
    half = table(made, lambda place, *_: ("unusable" if place % 2 else "acceptable", None))
    found = json.loads(run_main("run", "review", made, "--judgements", half, "--json")[1])
    assert (found["decision"], found["much_unusable"], found["count"]["left_out"]) == (
        "not yet known",
        {"all": 0.5},
        60,
    )
    assert found["count"]["error_rate_ci"][1] > 0.5
    assert found["images_needed"] is None  # as many left out of further images: no number will do
    assert found["words"][0] == "Not yet known: too many frames are unusable."
    assert (
        "50% of the frames are unusable: the frames, not the model, are the problem"
        in run_main("run", "review", made)[1]
    )


def test_what_is_missing_is_a_number_of_images(made, run_main, capsys):
    run_main("run", "review", made, "--goal", "gating")
    judged = table(made, lambda place, *_: ("acceptable", 2) if place % 4 == 0 else ("count", 1))
    with pytest.raises(SystemExit, match="2"):
        run_main("run", "review", made, "--require", "nothing")
    assert "'nothing' is none of count, mask, singlets, multiplets" in capsys.readouterr().err
    judged.write_text("\n".join(judged.read_text().splitlines()[:21]))
    run_main("run", "review", made, "--judgements", judged)
    run_main("run", "review", made, "--require", "multiplets")
    found = json.loads(run_main("run", "review", made, "--json")[1])
    assert (found["multiplets"]["judged"], found["multiplets"]["errors"]) == (5, 0)
    (part,) = (part for part in found["parts"] if part["required"])
    assert (part["share"], part["clean_needed"], part["expected_needed"]) == (0.25, 31, 38)
    assert found["images_needed"] == part["images_needed"] == 38 * 4


def test_a_review_of_the_new_model_alone_is_in_the_report(made, run_main, tmp_path):
    """Its base has answered none of the fresh images, then is gone."""
    new = made / "model.safetensors"
    write_model(
        new, {"w": np.zeros(3, np.float32)}, ModelCard("new", "half", "UDT", network={"architecture": ARCHITECTURE})
    )
    with Run.open(made) as run:
        review.state_goal(run, "gating", "one until it parts")
        assess = replace(run.settings.assess, sequence=run.settings.assess.sequence[:80])  # leaves some to step 5
        run.update(replace(run.settings, assess=assess))
        answers(run, new, trial.draw(run, 40))
    run_main("run", "review", made, "--step", "evaluate", "--judgements", table(made, one_bad, "evaluate"))
    for gone in (False, True):
        out = tmp_path / f"report-{gone}.html"
        if gone:
            with Run.open(made) as run:
                run.update(replace(run.settings, base_model=replace(run.settings.base_model, model="gone")))
        assert run_main("run", "report", made, "--out", out)[0] == 0
        text = out.read_text("utf-8")
        assert "The new model by itself, on 40 random images" in text
        assert ("Its base is gone" in text) == gone
        assert re.search(r"Count: not yet known. [12] wrong of 40", text)


def test_over_sampling_is_set_told_and_weighted(made, run_main):
    """All images show two cells by the base, so singlets are rare, and it says of none how sure it is: all in doubt."""
    run_main("run", "review", made, "--goal", "gating")
    assert run_main("run", "review", made, "--over-sample", "11")[0] == 2
    before = json.loads(run_main("run", "review", made, "--json")[1])
    assert (before["over_sampling"], before["images"], before["processed"]) == ([], 120, 120)
    found = json.loads(run_main("run", "review", made, "--over-sample", "4", "--json")[1])
    assert found["over_sampling"] == [{"since": 0, "shown": 0.25, "rare": "singlets", "doubtful": 1.0, "large": 81}]
    assert (found["images"], found["processed"], found["count"]["most_needed"]) == (120, 120, None)
    assert "of what the model counts as several without doubt one image in 4 is shown" in found["words"][-2]
    assert "at the latest" in before["rule"]
    assert "without an end" in found["rule"]
    assert "at the latest" not in found["rule"]
    judged = json.loads(run_main("run", "review", made, "--judgements", table(made, one_bad), "--json")[1])
    assert (judged["count"]["judged"], judged["decision"]) == (120, "retrain")
    over = json.loads(run_main("run", "review", made, "--over-sample", "1", "--json")[1])
    assert [(one["since"], one["shown"]) for one in over["over_sampling"]] == [(0, 0.25), (120, 1.0)]


# Blind first


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def filled(rows: list[dict[str, str]], out: Path) -> Path:
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return out


def test_a_blind_first_table_tells_nothing_and_its_repeats_tell_of_the_reviewer(made, run_main, tmp_path):
    table, folder = tmp_path / "counts.csv", tmp_path / "raw"
    run_main("run", "review", made, "--goal", "gating", "--require", "count,mask")
    assert run_main("run", "review", made, "--blind-first", table, "--pictures", folder)[0] == 0
    rows = read(table)
    assert list(rows[0]) == ["showing", "judgement", "true_count"]
    assert {(row["judgement"], row["true_count"]) for row in rows} == {("", "")}
    assert {path.stem for path in folder.iterdir()} == {row["showing"] for row in rows}
    repeats = len(rows) - 2 * IMAGES
    assert 3 <= repeats <= 24  # a tenth of 120, drawn image by image
    pictures = {row["showing"]: (folder / f"{row['showing']}.png").read_bytes() for row in rows}
    met = Counter(pictures.values())
    assert sorted(met.values()) == [1] * (2 * IMAGES - repeats) + [2] * repeats  # the same raw image, nothing on it
    last = {pixels: mark for mark, pixels in pictures.items()}  # of each image, the repeat where there is one
    twice = [mark for pixels, mark in last.items() if met[pixels] == 2]

    early = filled([{**rows[0], "judgement": "acceptable"}], tmp_path / "early.csv")
    status, _, err = run_main("run", "review", made, "--judgements", early)
    assert (status, "its answer has not been shown" in err) == (1, True)
    counted = [{**row, "true_count": "3" if row["showing"] == twice[0] else "2"} for row in rows]
    told = run_main("run", "review", made, "--judgements", filled(counted, tmp_path / "counted.csv"))
    assert f"{len(rows)} of {len(rows)} lines are new, {repeats} of them of images shown a second time" in told[2]
    found = json.loads(run_main("run", "review", made, "--json")[1])
    assert (found["count"]["judged"], found["count"]["errors"], found["mask"]["judged"]) == (120, 0, 0)
    low, high = confidence_sequence(1, repeats)
    said = {"same": repeats - 1, "of": repeats, "ci": pytest.approx([1 - high, 1 - low])}
    assert (found["reviewer"]["same_count"], found["reviewer"]["blind_first"]) == (said, 120)
    assert found["reviewer"]["same_mask"]["of"] == 0

    masks, folder = tmp_path / "masks.csv", tmp_path / "answers"
    run_main("run", "review", made, "--blind-first", masks, "--pictures", folder)
    rows = read(masks)
    assert {(row["judgement"], row["true_count"]) for row in rows} == {("", "2"), ("", "3")}
    assert not set(pictures.values()) & {path.read_bytes() for path in folder.iterdir()}  # all with the answer
    judged = [{**row, "judgement": "mask" if row["showing"] == twice[1] else "acceptable"} for row in rows]
    filled(judged, masks)
    run_main("run", "review", made, "--judgements", masks)
    assert f"0 of {len(rows)} lines are new" in run_main("run", "review", made, "--judgements", masks)[2]
    found = json.loads(run_main("run", "review", made, "--json")[1])
    assert (found["mask"]["judged"], found["mask"]["errors"], found["count"]["errors"]) == (120, 0, 0)
    assert found["reviewer"]["same_mask"]["same"] == repeats - 1
    words = f"own repeatability, {repeats} images shown twice: the same count in {repeats - 1} of {repeats}"
    run_main("run", "report", made, "--out", tmp_path / "report.html")
    assert words in (tmp_path / "report.html").read_text("utf-8")
    assert words in run_main("run", "review", made)[1]
    assert words in run_main("run", "status", made)[1]
    assert json.loads(run_main("run", "status", made, "--json")[1])["reviewer"] == found["reviewer"]


def test_a_blind_first_table_of_other_answers_or_judged_twice_is_refused_whole(made, run_main, tmp_path):
    table = tmp_path / "t.csv"
    run_main("run", "review", made, "--blind-first", table)
    rows = [{**row, "true_count": "2"} for row in read(table)[:3]]

    def refused(bad: list[dict[str, str]]) -> str:
        status, _, err = run_main("run", "review", made, "--judgements", filled(bad, tmp_path / "bad.csv"))
        assert status == 1
        return str(err)

    assert "is there twice" in refused([*rows, rows[0]])
    assert "No such showing is judged now" in refused([*rows, {**rows[0], "showing": "0" * 12}])
    assert "'two' is no count" in refused([*rows[:2], {**rows[2], "true_count": "two"}])
    assert "'both': its answer has not been shown" in refused([*rows[:2], {**rows[2], "judgement": "both"}])
    assert json.loads(run_main("run", "review", made, "--json")[1])["count"]["judged"] == 0
    assert "they belong to its table" in run_main("run", "review", made, "--pictures", tmp_path / "p")[2]
    assert "The file exists" in run_main("run", "review", made, "--blind-first", table)[2]
