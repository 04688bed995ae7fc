"""Judgements from a table: taken, or refused with the line's number."""

from __future__ import annotations

import numpy as np
import pytest

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.errors import InputError
from tui_cytpix.formats.run.predictions import Prediction, write_shard
from tui_cytpix.workflow.assess import review
from tui_cytpix.workflow.assess.judgements_file import Given, read_judgements, take_judgements
from tui_cytpix.workflow.base_model import library
from tui_cytpix.workflow.run.run_samples import create_run


def test_lines_are_read(tmp_path):
    path = tmp_path / "j.csv"
    path.write_text("\ufeffimage,judgement,true_count\na:1,count,3\na:2, acceptable ,\nb:3,,1\n", "utf-8")
    assert read_judgements(path) == [
        Given(f"{path}, line 2", ImageKey("a", "1"), Judgement.COUNT_ERROR, 3),
        Given(f"{path}, line 3", ImageKey("a", "2"), Judgement.ACCEPTABLE, None),
        Given(f"{path}, line 4", ImageKey("b", "3"), None, 1),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_lines_of_a_spreadsheet_are_read(tmp_path, encoding):
    path = tmp_path / "j.csv"
    text = "Image;TRUE COUNT;Judgement;Note\r\na:1;3,0;Count;\r\n;;;\r\na:2;;count right;x;\r\nb:3;1.0;;\r\n"
    path.write_bytes(text.encode(encoding))
    assert read_judgements(path) == [
        Given(f"{path}, line 2", ImageKey("a", "1"), Judgement.COUNT_ERROR, 3),
        Given(f"{path}, line 4", ImageKey("a", "2"), Judgement.COUNT_RIGHT, None),
        Given(f"{path}, line 5", ImageKey("b", "3"), None, 1),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a:1,fine,", "line 2"),
        ("nowhere,count,", "line 2"),
        ("a:1,,", "neither"),
        ("a:1,count,many", "line 2"),
        ("a:1,count,-1", "no whole number"),
        ("a:1,count,1.5", "line 2: '1.5'"),
        ("a:1,count,1000", "no count"),
        ("a:1,count,1,0", "4 cells for 3 columns"),
    ],
)
def test_what_says_nothing_is_refused(tmp_path, line, words):
    path = tmp_path / "j.csv"
    path.write_text(f"image,judgement,true_count\n{line}\n")
    with pytest.raises(InputError, match="can't be read") as refused:
        read_judgements(path)
    assert words in str(refused.value)


def test_no_file_and_no_text_are_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("none", "binary"):
        with pytest.raises(InputError, match="can't be read"):
            read_judgements(tmp_path / name)


@pytest.fixture
def counted_two(samples, model_file, tmp_path):
    """A run of four images, in each of which the model counts two; and the model."""
    with create_run(tmp_path / "r", [samples.make(images=4)], 0.3) as run:
        model = library.entry(model_file())
        mask = np.zeros((48, 48), bool)
        mask[10:30, 10:30] = True
        two = Segmentation(mask, np.array([[20, 14], [20, 24]], np.float32))
        drawn = review.draw(run, 4)
        write_shard(run.folder.predictions(model.hash), "0", [Prediction(key, two) for key in drawn])
        yield run, model


def taken(run, model, folder, *lines):
    """`lines` are what the table says of the images in their order."""
    path = folder / "j.csv"
    rows = [f"{key},{line}" for key, line in zip(run.settings.assess.sequence, lines, strict=False)]
    path.write_text("\n".join(["image,judgement,true_count", *rows]) + "\n")
    take_judgements(run, model, read_judgements(path), review.STEP)
    return [(v.judgement, v.true_count) for v in review.verdict_of(run, model).values()]


@pytest.mark.parametrize("judgement", Judgement)
@pytest.mark.parametrize("true_count", ["", 2, 3])
def test_a_line_that_contradicts_itself_is_refused_and_nothing_is_recorded(
    counted_two, tmp_path, judgement, true_count
):
    run, model = counted_two
    wrong = judgement.count_wrong
    if true_count and wrong is not None and wrong != (true_count != 2):
        with pytest.raises(InputError, match="contradicts") as refused:
            taken(run, model, tmp_path, "acceptable,", "mask,2", f"{judgement},{true_count}", "skipped,")
        says = f"j.csv, line 4: {run.settings.assess.sequence[2]}: {judgement} says"
        assert says in str(refused.value)
        assert f"the true count is {true_count} and the model counts 2" in str(refused.value)
        assert refused.value.exit_status == 1
        assert run.verdicts == []
    else:
        assert taken(run, model, tmp_path, f"{judgement},{true_count}") == [(judgement, true_count or None)]


def test_where_an_image_has_no_answer_nothing_is_recorded(counted_two, tmp_path):
    run, model = counted_two
    path = tmp_path / "j.csv"
    path.write_text(f"image,judgement\n{run.settings.assess.sequence[0]},acceptable\ntube:99,acceptable\n")
    with pytest.raises(InputError, match=r"not processed.*line 3: tube:99"):
        take_judgements(run, model, read_judgements(path), review.STEP)
    assert run.verdicts == []


def test_a_table_may_say_first_the_count_and_then_the_mask(counted_two, tmp_path):
    run, model = counted_two
    assert taken(run, model, tmp_path, ",3") == [(Judgement.COUNT_WRONG, 3)]
    assert taken(run, model, tmp_path, "acceptable,", ",2") == [
        (Judgement.COUNT_ERROR, 3),
        (Judgement.COUNT_RIGHT, 2),
    ]


@pytest.mark.parametrize(
    ("one", "other", "contradict"),
    [
        ("acceptable,", "mask,", True),
        (",4", ",3", True),
        ("acceptable,3", ",3", False),
        ("acceptable,", ",3", False),
        ("count-right,", "mask,", False),
        ("count-wrong,", "mask,", True),
        ("skipped,", "acceptable,", True),
        ("mask,", "mask,", False),
    ],
)
def test_lines_that_contradict_each_other_are_refused_with_both(tmp_path, one, other, contradict):
    path = tmp_path / "j.csv"
    path.write_text(f"image,judgement,true_count\na:1,{one}\nb:1,count,\na:1,{other}\n")
    if not contradict:
        assert len(read_judgements(path)) == 3
        return
    with pytest.raises(InputError, match=r"line 4: a:1 is judged twice, differently, first in line 2"):
        read_judgements(path)


def test_headings_alone_are_no_judgements(tmp_path):
    path = tmp_path / "j.csv"
    path.write_text("image,judgement,true_count\n")
    with pytest.raises(InputError, match="no line below its headings, so nothing is taken") as refused:
        read_judgements(path)
    assert refused.value.exit_status == 1
