"""Judgements from a table: taken, or refused with the line's number."""

from __future__ import annotations

import pytest

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.judgements_file import Given, read_judgements


def test_lines_are_read(tmp_path):
    path = tmp_path / "j.csv"
    path.write_text("\ufeffimage,judgement,true_count\na:1,count,3\na:2, acceptable ,\nb:3,,1\n", "utf-8")
    assert read_judgements(path) == [
        Given(ImageKey("a", "1"), Judgement.COUNT_ERROR, 3),
        Given(ImageKey("a", "2"), Judgement.ACCEPTABLE, None),
        Given(ImageKey("b", "3"), None, 1),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a:1,fine,", "line 2"),
        ("nowhere,count,", "line 2"),
        ("a:1,,", "neither"),
        ("a:1,count,many", "line 2"),
        ("a:1,count,-1", "no count"),
    ],
)
def test_what_says_nothing_is_refused(tmp_path, line, words):
    path = tmp_path / "j.csv"
    path.write_text(f"image,judgement,true_count\n{line}\n")
    with pytest.raises(UsageError, match="can't be read") as refused:
        read_judgements(path)
    assert words in str(refused.value)


def test_no_file_and_no_text_are_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("none", "binary"):
        with pytest.raises(UsageError, match="can't be read"):
            read_judgements(tmp_path / name)
