"""The page of a batch: self-contained, nothing from a record read as markup, and all that it is to show."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from tests.batches import SPREAD, counts, summary, write_record
from tests.workflow.report.test_html_tags import HOSTILE, Tags
from tui_cytpix.cli.main import run
from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.report.batch_charts import Well, plate, plate_size
from tui_cytpix.workflow.report.batch_page import collect


@pytest.fixture
def out(tmp_path):
    """Six tubes of a plate, the second blurred, the third blank, the sixth failed; labels that are hostile."""
    folder = tmp_path / "out"
    for number in range(1, 6):
        write_record(folder, f"t{number}", labels={"well": f"A{number}", "condition": HOSTILE}, problems=[HOSTILE])
    blurred = summary(focus={**SPREAD, "median": 0.1})
    write_record(folder, "t2", labels={"well": "A2"}, summary=blurred)
    write_record(folder, "t3", labels={"well": "A3", "control": "blank"}, counts=counts(98, 2, 0, 0))
    write_record(folder, "t7", labels={"well": "H12"})
    failures = [{"sample": "t6", "reason": HOSTILE}]
    write_record(folder, "t6", done=False, images=0, failures=failures, labels={"well": "A6"})
    return folder


def test_the_page_is_self_contained_and_tells_all(out):
    text = collect(out).page.read_text()
    page = Tags(text)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not re.search(r"https?:|url\(|@import", text)
    said = " ".join(page.texts)
    assert "7 tubes: 6 done, 1 failed. 600 images processed." in said
    assert "1 of 6 stand apart from the others: t2." in said
    assert "less sharp (focus): 0.100, median of the batch 0.500" in said
    assert page.texts.count(HOSTILE) >= 2
    assert {"per 1000 frames", "20.0", "2.4 to 72.2"} <= set(page.texts)
    marks = [attributes["title"] for tag, attributes in page.tags if tag == "mark"]
    assert len(marks) == 1
    assert marks[0].startswith("less sharp (focus)")


def test_every_picture_is_well_formed_and_says_its_numbers(out):
    pictures = [ET.fromstring(one) for one in re.findall(r"<svg.*?</svg>", collect(out).page.read_text())]
    titles = [title.text for one in pictures for title in one.iter("title")]
    assert "100 to 100 events per second, over 10 s" in titles
    assert "0.0 to 0.0 % multiplets, in 8 parts" in titles
    assert "A2: t2, focus 0.100" in titles
    assert "A6: t6, focus failed" in titles


@pytest.mark.parametrize(
    ("wells", "size"),
    [
        (["A1", "H12"], (8, 12)),
        (["A1", "I1"], (16, 24)),
        (["A13"], (16, 24)),
        (["P24"], (16, 24)),
        (["Q1"], None),
        (["AA1"], None),
        (["A25"], None),
    ],
)
def test_the_plate_is_the_smallest_that_has_all_wells(wells, size):
    assert plate_size(wells) == size


def test_a_well_lies_where_its_name_says():
    drawn = ET.fromstring(plate((8, 12), {"B3": Well(1.0, "here")}))
    (group,) = drawn.iter("g")
    inside = group.find("rect")
    texts = {text.text: text.attrib for text in drawn.iter("text")}
    middle = float(inside.get("x")) + float(inside.get("width")) / 2
    assert middle == pytest.approx(float(texts["3"]["x"]))
    assert float(inside.get("y")) < float(texts["B"]["y"]) < float(inside.get("y")) + float(inside.get("height"))
    assert inside.get("fill-opacity") == "1.00"


def test_the_verb_writes_both_and_tells_them(out, capsys, tmp_path):
    assert run(["collect", str(out)], None) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "7 tubes: 6 done, 1 failed. 600 images processed."
    assert said.out.splitlines()[-2:] == [str(out / "batch.html"), str(out / "batch.tubes.csv")]
    assert said.err.startswith("failed: t6: ")
    before = (out / "batch.html").read_bytes()
    assert run(["collect", str(out), "--json"], None) == 0
    found = json.loads(capsys.readouterr().out)
    assert (out / "batch.html").read_bytes() == before  # equal again to the byte
    assert found["totals"]["failed"] == 1
    (blurred,) = (one for one in found["tubes"] if one["name"] == "t2")
    assert blurred["apart"].keys() == {"FocusMedian"}
    assert blurred["values"]["MultipletsPercent"][0] == 10
    assert run(["collect", str(tmp_path)], None) == 2
    assert "There is no tube to collect" in capsys.readouterr().err
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'out'}\n")
    assert (
        run(["collect", str(out), "--samples", str(tmp_path / "list.txt"), "--out", str(tmp_path / "p.html")], None)
        == 0
    )
    assert "1 tube: 1 missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    "damage",
    [
        {"labels": {"well": "nowhere", "control": "?"}},
        {"counts": {"ParticleCount": {"x": 1, "9" * 5000: 3}, "ObjectCount": {}}},
        {"summary": summary(time={**summary()["time"], "end": 0.0})},
        {"summary": summary(time={**summary()["time"], "events": []})},
        {"images": 2**62},
        {"failed": 3},
    ],
)
def test_a_damaged_record_is_no_reason_for_no_page(out, damage):
    write_record(out, "t4", **damage)
    assert "<h1>Batch out</h1>" in collect(out).page.read_text()


def test_a_page_of_another_kind_is_refused(out):
    with pytest.raises(UsageError, match="HTML"):
        collect(out, page=out / "sheet.csv")
