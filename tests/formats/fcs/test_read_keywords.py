"""TEXT: splitting what others wrote, encoding what we write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_cytpix.errors import FcsError
from tui_cytpix.formats.fcs.read_keywords import split_keywords
from tui_cytpix.formats.fcs.write_text import check_added_keywords, choose_delimiter, encode_head, encode_text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("/$PAR/2/$TOT/10/", {"$PAR": "2", "$TOT": "10"}),
        ("/$par/2/Key/value/", {"$PAR": "2", "Key": "value"}),  # standard keywords in capitals, others as they are
        ("/$P3F/488//10/$P3L/488/", {"$P3F": "488/10", "$P3L": "488"}),  # Attune NxT
        ("/$P4F/561////10 nm/$P4L/x/", {"$P4F": "561//10 nm", "$P4L": "x"}),  # MACSQuant
        ("/$INST//$OP/me/", {"$INST": "", "$OP": "me"}),  # Attune of 2010: empty, not escaped
        ("\\$P3S\\\\$P4S\\\\$P6N\\FL1-A\\", {"$P3S": "", "$P4S": "", "$P6N": "FL1-A"}),  # FACSCalibur
        ("\\&7File\\\\&8Doc.\\U\\&10Doc\\\\", {"&7File": "", "&8Doc.": "U", "&10Doc": ""}),
        ("/a//b/1/$X/2/", {"a/b": "1", "$X": "2"}),  # an escaped delimiter in a keyword
        ("/$S//$X/2/TUBE//CREATOR/me/", {"$S": "", "$X": "2", "TUBE": "", "CREATOR": "me"}),  # a writer of empty values
        ("/$FIL///home//x.fcs/$OP/me/", {"$FIL": "/home/x.fcs", "$OP": "me"}),
        ("/$COM/ends with ///$OP/me/", {"$COM": "ends with /", "$OP": "me"}),
        ("/$PAR/2/    \0 ", {"$PAR": "2"}),  # filling
        ("/$PAR/2", {"$PAR": "2"}),  # cut one short
        ("/$PAR/2/$OP", {"$PAR": "2", "$OP": ""}),
        ("/$OP/a/$OP/b/", {"$OP": "b"}),
        ("///", {}),
    ],
)
def test_split(raw, expected):
    assert split_keywords(raw) == expected


def test_an_empty_segment_is_refused():
    with pytest.raises(ValueError, match="empty"):
        split_keywords("")


def test_too_many_keywords_are_refused():
    with pytest.raises(ValueError, match="more than"):
        split_keywords("/a" * 1_000_002)


plain = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda s: s.strip(" \t\r\n\0")
)
keys = plain.map(lambda s: s.strip(" \t\r\n\0"))


@given(st.dictionaries(keys.filter(lambda s: "/" not in s), plain.filter(lambda s: s.strip("/") == s), max_size=8))
def test_split_undoes_the_standards_escape(keywords):
    raw = "/" + "".join(f"{k}/{v.replace('/', '//')}/" for k, v in keywords.items())
    assert split_keywords(raw) == {k.upper() if k.startswith("$") else k: v for k, v in keywords.items()}


@given(st.dictionaries(keys, plain, max_size=8), st.sampled_from("/|\f\\ab$"))
def test_what_we_encode_is_read_back(keywords, preferred):
    delimiter = choose_delimiter(keywords, preferred)
    raw = encode_text(keywords, delimiter).decode("utf-8")
    if keywords:
        assert split_keywords(raw) == {k.upper() if k.startswith("$") else k: v for k, v in keywords.items()}


@given(st.text(max_size=300))
def test_any_text_splits_into_keywords_without_a_crash(raw):
    if raw:
        assert all(key.strip() or key for key in split_keywords(raw))


@given(st.integers(0, 4000), st.sampled_from([0, 7, 99_999_000, 99_999_700, 10**9]), st.sampled_from([0, 9]))
def test_offsets_in_header_and_text_agree_with_the_length(filling, data, analysis):
    head = encode_head({"$COM": "x" * filling}, {"DATA": data, "ANALYSIS": analysis}, "/")
    begin, end = int(head[10:18]), int(head[18:26])
    assert (begin, end) == (58, len(head) - 1)
    said = {k: int(v) for k, v in split_keywords(head[58:].decode()).items() if k != "$COM"}
    expected = (len(head), len(head) + data - 1) if data else (0, 0)
    assert (said["$BEGINDATA"], said["$ENDDATA"]) == expected
    assert (int(head[26:34]), int(head[34:42])) == (expected if expected[1] <= 99_999_999 else (0, 0))
    if analysis:
        assert said["$BEGINANALYSIS"] == len(head) + data
        assert said["$ENDANALYSIS"] == len(head) + data + analysis - 1


@pytest.mark.parametrize("key", ["$PAR", "$tot", "$P3B", "$P12N", "$BEGINDATA", "$ENDSTEXT", "$BYTEORD", "", " "])
def test_structural_keywords_cant_be_set(key):
    with pytest.raises(FcsError, match="can't be set"):
        check_added_keywords({key: "1"})


def test_no_delimiter_left():
    with pytest.raises(FcsError, match="can't be written"):
        choose_delimiter({"all": "".join(map(chr, range(1, 127)))})
