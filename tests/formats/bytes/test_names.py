"""Event ids from names, and names from event ids."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from tui_cytpix.formats.bytes.names import MOST_NAME_BYTES, event_of, file_name, name_images

ON_DISK = st.binary(min_size=1, max_size=251).map(lambda b: b.replace(b"/", b"_").replace(b"\0", b"_")).map(os.fsdecode)
TEXTS = st.one_of(st.text(min_size=1), st.text("酵母%/.~-\n", min_size=60, max_size=200))


@given(ON_DISK)
def test_any_name_on_disk_gives_an_id_that_can_be_printed(name):
    event = event_of(f"{name}.png")
    assert event.isprintable()
    event.encode()
    if name.isprintable():
        assert event == name


def test_names_that_differ_in_what_cannot_be_printed_stay_apart():
    files = ["a\x01.png", "a\x02.png", os.fsdecode(b"a\xfc.png"), os.fsdecode(b"a\xfd.png"), "a\u202e.png"]
    named = name_images(files)
    assert set(named.names.values()) == set(files)
    assert set(named.names) == {"a%01", "a%02", "a%FC", "a%FD", "a%E2%80%AE"}
    assert named.problems == ()


@given(TEXTS, st.sampled_from([".png", ".json"]))
def test_every_text_has_a_file_name(tmp_path_factory, text, ending):
    name = file_name(text, ending)
    assert name.isprintable()
    assert len(name.encode()) <= MOST_NAME_BYTES
    assert "/" not in name
    assert not name.startswith(".")
    assert name.endswith(ending)
    path = tmp_path_factory.mktemp("n") / name
    path.write_bytes(b"")
    assert path.is_file()


@given(st.lists(TEXTS, min_size=2, max_size=8, unique=True))
def test_no_two_texts_share_a_file_name(texts):
    assert len({file_name(text, ".png") for text in texts}) == len(texts)


def test_plain_names_are_left_alone():
    for text in ("17", "cell 2", "酵母", "-rf", "größe", "a.b", "50%", "a%2Fb"):
        assert file_name(text, ".png") == f"{text}.png"
        assert event_of(file_name(text, ".png")) == text
    assert file_name("a/b", ".png").startswith("a%2Fb~")
    longest = "酵" * 83
    assert file_name(longest, ".png") == f"{longest}.png"
    assert len(file_name(longest + "酵", ".png").encode()) <= MOST_NAME_BYTES
