"""Names of samples: letters of any script, told apart whatever the order."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_cytpix.domain.sample_names import is_sample_name, kept_apart, names_together, sample_name

STEMS = st.one_of(
    st.text(min_size=1, max_size=120).filter(lambda text: text not in (".", "..")),
    st.binary(min_size=1, max_size=255).map(os.fsdecode),
    st.sampled_from(["tube", "Tube", "TUBE", "t ube", "t:ube", "酵母", "酵母 ", "ΐ" * 80, "ß" * 90, "Ä" * 200, "…"]),
).map(lambda text: text.replace("/", "").replace("\0", "") or "x")
PATHS = st.lists(
    st.tuples(st.sampled_from("abc"), STEMS).map(lambda of: Path("/data", of[0], of[1] + ".acs")), max_size=6
)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("酵母.acs", "酵母"),
        ("cafe\u0301 au lait.zip", "café_au_lait"),
        ("Zürich µ-1.acs", "Zürich_µ-1"),
        ("..Дрожжи-.acs", "Дрожжи"),
        ("\u0301\u3164\u200b.acs", "sample"),  # nothing that could be seen
        ("a\u202eb\ud83d.acs", "a_b"),
        ("\x1b[31m.acs", "31m"),
        ("...", "sample"),
        ("Tube_3.v2.acs", "Tube_3.v2"),
    ],
)
def test_letters_of_any_script_stay(file, name):
    assert sample_name(Path("/a:b") / file) == name


@given(STEMS)
def test_a_name_can_be_printed_and_be_a_files(stem):
    name = sample_name(Path("/data") / f"{stem}.acs")
    assert is_sample_name(name)
    assert name.isprintable()
    assert name == unicodedata.normalize("NFC", name)
    assert sample_name(Path("/x") / f"{name}.acs") == name
    for spelt in (name, name.casefold()):
        assert len(f".{spelt}-12345678.process.json.0123456789abcdef0123456789abcdef.part".encode()) <= 255
    assert not set(name) & set('/\\:*?"<>| \0')


@given(PATHS, st.randoms(use_true_random=False))
def test_names_given_together_differ_and_no_order_changes_them(paths, random):
    names = names_together(paths)
    assert len({name.casefold() for name in names}) == len(paths)
    assert all(map(is_sample_name, names))
    shuffled = random.sample(paths, len(paths))
    if len(set(paths)) == len(paths):
        assert dict(zip(shuffled, names_together(shuffled), strict=True)) == dict(zip(paths, names, strict=True))
    # one after the other, as into a run, they get the same names as long as they were given together
    taken: dict[str, Path] = {}
    for path in shuffled:
        taken[names_together([path, *paths], taken)[0]] = path
    assert sorted(taken) == sorted(names)


def test_a_name_that_is_taken():
    a, b = Path("/a/tube.acs"), Path("/b/tube.acs")
    (other,) = names_together([b], {"Tube": a})
    assert other.startswith("tube-")
    assert len(other) == len("tube-12345678")
    assert names_together([b], {"tube": a, other: b}) == [f"{other}-2"]
    assert names_together([a], {"tube": a}) == ["tube-2"]  # the same file once more
    assert kept_apart([("tube-2", a)], {"tube": a}) == ["tube-2"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "a:b", "a\x1b", "\u202ea", "\u3164", "酵" * 200])
def test_what_is_no_name(name):
    assert not is_sample_name(name)


def test_names_of_earlier_builds_are_still_names():
    assert all(map(is_sample_name, ["sample", "tube_1-2", "-", "_a.b", "x" * 80]))
