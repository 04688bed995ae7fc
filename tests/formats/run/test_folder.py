"""A run's files: settings, edits and verdicts come back; hostile ones are refused in words."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.divided import any_division, touching_rods
from tui_cytpix.core.objects.particles import need_telling, particles_of
from tui_cytpix.domain.annotation import AnnotationBook, Edit
from tui_cytpix.domain.run_settings import BaseModelSettings, RunSettings, SelectionSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement, PairVerdict, Preference, Verdict
from tui_cytpix.errors import RunError
from tui_cytpix.formats.masks.label_images import segmentation_from_labels
from tui_cytpix.formats.run.folder import (
    RunFolder,
    decode_edit,
    decode_verdict,
    encode_edit,
    encode_verdict,
)
from tui_cytpix.formats.run.json_log import append_now, encode

SETTINGS = RunSettings(
    name='a "run"\n\x1b[31m',
    created="2026-01-01T00:00:00+00:00",
    seed=7,
    samples=(SampleRef("tube-1", "../tube 1.acs", 17, "ends-sha256:0", 0.3, "fcs", condition="µ"),),
    selection=SelectionSettings(60, (ImageKey("tube-1", "3"),), (ImageKey("tube-1", "a:b"),)),
)
KEYS = st.sampled_from([ImageKey("a", "1"), ImageKey("a", "x:y"), ImageKey("b", "1")])
TOML = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def picture(number: int) -> Segmentation:
    mask = np.zeros((5, 7), bool)
    mask.flat[number : number + 4] = True
    return Segmentation(mask, np.array([[number / 7, 2.125]], np.float32))


@st.composite
def logs(draw):
    edits = []
    for seq in range(1, draw(st.integers(0, 12)) + 1):
        action = draw(st.sampled_from(["propose", "place", "accept", "reject", "undo", "redo"]))
        drawn = picture(draw(st.integers(0, 30))) if action in ("propose", "place") else None
        of = draw(st.integers(1, 12)) if action in ("undo", "redo") else None
        edits.append(Edit(seq, 1.5 * seq, "me", draw(KEYS), action, drawn, of, 0.25, "sha256:1"))
    return edits


def written(folder: Path, settings_: RunSettings) -> RunFolder:
    run = RunFolder(folder)
    run.settings_path.write_text(RunFolder.encode_settings(settings_), "utf-8")
    return run


def test_settings_come_back(tmp_path):
    assert written(tmp_path, SETTINGS).read_settings() == SETTINGS
    plain = RunSettings("x", "now")
    assert written(tmp_path, plain).read_settings() == plain
    larger = replace(plain, base_model=BaseModelSettings("m", zoom=1.5))
    assert written(tmp_path, larger).read_settings() == larger


def test_a_run_of_earlier_builds_loads_unchanged_and_a_zoom_that_is_none_is_refused(tmp_path):
    text = RunFolder.encode_settings(SETTINGS)
    assert "zoom = 0.0\n" in text
    run = RunFolder(tmp_path)
    run.settings_path.write_text(text.replace("zoom = 0.0\n", "").replace('came_as = ""\n', ""), "utf-8")
    assert run.read_settings() == SETTINGS
    for zoom in ("7.0", "1" + 300 * "0", '"large"', "nan"):
        run.settings_path.write_text(text.replace("zoom = 0.0", f"zoom = {zoom}"), "utf-8")
        with pytest.raises(RunError, match="damaged"):
            run.read_settings()


def test_the_replicate_of_earlier_builds_is_a_tube_of_no_stated_unit(tmp_path):
    labelled = replace(SETTINGS, samples=(replace(SETTINGS.samples[0], tube="2"),))
    text = RunFolder.encode_settings(labelled)
    run = RunFolder(tmp_path)
    run.settings_path.write_text(text.replace('tube = "2"', 'replicate = "2"').replace('unit = ""\n', ""), "utf-8")
    assert run.read_settings() == labelled
    run.settings_path.write_text(text.replace('tube = "2"', "replicate = 2"), "utf-8")
    with pytest.raises(RunError, match="damaged"):
        run.read_settings()


@settings(max_examples=60, deadline=None)
@given(logs(), st.data())
def test_a_log_cut_anywhere_gives_the_state_after_its_whole_lines(edits, data):
    with tempfile.TemporaryDirectory() as name:
        run = RunFolder(Path(name))
        content = b"".join(encode(encode_edit(e)) for e in edits)
        cut = data.draw(st.integers(0, len(content)))
        run.annotations_path.write_bytes(content[:cut])
        found, damaged = run.read_edits()
    whole = content[:cut].count(b"\n")
    assert damaged == 0
    assert [e.seq for e in found] == [e.seq for e in edits[:whole]]
    expected, book = AnnotationBook(edits[:whole]), AnnotationBook(found)
    for key in {e.image for e in edits}:
        one, other = expected.state(key), book.state(key)
        assert (one.status, one.side, one.origin, one.seconds) == (
            other.status,
            other.side,
            other.origin,
            other.seconds,
        )
        assert (one.segmentation is None) == (other.segmentation is None)
        if one.segmentation is not None:
            np.testing.assert_array_equal(one.segmentation.mask, other.segmentation.mask)
            np.testing.assert_array_equal(one.segmentation.centroids, other.segmentation.centroids)
        assert one.corrected == other.corrected


def a_line(segmentation: Segmentation) -> dict[str, object]:
    """As it stands in a file."""
    return json.loads(encode(encode_edit(Edit(1, 1.5, "me", ImageKey("a", "1"), "propose", segmentation))))


def test_a_line_tells_a_division_only_where_objects_do_not():
    rods = segmentation_from_labels(touching_rods())
    back = decode_edit(a_line(rods)).segmentation
    np.testing.assert_array_equal(back.labels, rods.labels)
    assert a_line(rods)["particles"] == [1, 464, 2, 464]
    apart = np.kron(np.diag([1, 2]), np.ones((5, 5))).astype(np.uint16)
    apart[4:6, 4:6] = 0
    for silent in (replace(rods, labels=None), segmentation_from_labels(apart)):
        assert "particles" not in a_line(silent)
        assert decode_edit(a_line(silent)).segmentation.labels is None


def test_a_line_of_earlier_builds_means_what_it_meant():
    line = {"v": 1, "seq": 1, "time": 1.0, "who": "me", "image": "a:1", "action": "place", "seconds": 0.5}
    line |= {"shape": [2, 4], "mask": [0, 8], "centroids": [[0.5, 0.0], [0.5, 3.0]]}
    found = decode_edit(line).segmentation
    assert found.labels is None
    assert particles_of(found).tolist() == [[1, 1, 2, 2]] * 2


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_divisions_come_back(seed):
    told = any_division(seed)
    back = decode_edit(a_line(told)).segmentation
    np.testing.assert_array_equal(particles_of(back), told.labels)
    assert back.same_as(told if need_telling(told) else replace(told, labels=None))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(JSON | st.lists(st.integers(-2, 3) | st.integers(100, 700) | st.integers(), max_size=8))
def test_runs_of_particles_that_are_nonsense_are_refused(runs):
    rods = segmentation_from_labels(touching_rods())
    try:
        found = decode_edit({**a_line(rods), "particles": runs}).segmentation
    except (ValueError, TypeError, KeyError):
        return
    assert found.labels is None or (found.labels.max() <= 2 and not found.labels[~found.mask].any())


@pytest.mark.parametrize("runs", [[1], [1, 10], [3, 928], [-1, 928], [1, 928, 2, 0, 2], [1, -1, 2, 929], [1, 2**64]])
def test_runs_of_particles_that_do_not_fit_are_refused(runs):
    rods = segmentation_from_labels(touching_rods())
    with pytest.raises(ValueError, match=r"label|pixels|particles"):
        decode_edit({**a_line(rods), "particles": runs})


def test_verdicts_come_back(tmp_path):
    run = RunFolder(tmp_path)
    verdicts = [
        Verdict(n, 1.0, "me", ImageKey("s", str(n)), "sha256:1", judgement, n % 2 == 0, seen="zoom 1.5")
        for n, judgement in enumerate([*Judgement, None], 1)
    ]
    verdicts += [replace(verdicts[0], seq=10, undoes=8), replace(verdicts[1], seq=11, redoes=7)]
    append_now(run.verdicts_path, b"".join(encode(encode_verdict(v)) for v in verdicts))
    pairs = [
        PairVerdict(
            n, 1.0, "me", ImageKey("s", str(n)), "sha256:2", "sha256:1", preference, 1, 2, n % 2 == 0, n % 3 == 0
        )
        for n, preference in enumerate([*Preference, None], 100)
    ]
    pairs += [replace(pairs[0], seq=110, undoes=108), replace(pairs[1], seq=111, redoes=107)]
    append_now(run.verdicts_path, b"".join(encode(encode_verdict(v)) for v in pairs))
    append_now(run.verdicts_path, encode({**encode_verdict(pairs[0]), "preference": "splendid"}))
    assert run.read_verdicts() == (verdicts, pairs, 1)


EDIT = encode_edit(Edit(1, 1.0, "me", ImageKey("a", "1"), "place", picture(3)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted([*EDIT, "of", "origin"])), JSON)
def test_an_edit_with_any_value_anywhere_is_read_or_counted_as_damaged(name, value):
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        run.annotations_path.write_text(json.dumps({**EDIT, name: value}) + "\n")
        edits, damaged = run.read_edits()
        assert len(edits) + damaged == 1
        AnnotationBook(edits)


VERDICTS = [
    encode_verdict(Verdict(1, 1.0, "me", ImageKey("a", "1"), "m", Judgement.BOTH, counted=1, true_count=2, undoes=3)),
    encode_verdict(PairVerdict(2, 1.0, "me", ImageKey("a", "1"), "n", "b", Preference.NEW, 2, 3, True, False)),
]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_verdict_with_any_value_anywhere_is_read_or_counted_as_damaged(data):
    line = dict(data.draw(st.sampled_from(VERDICTS)))
    line[data.draw(st.sampled_from(sorted(line)))] = data.draw(JSON)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        run.verdicts_path.write_text(json.dumps(line) + "\n")
        single, pairs, damaged = run.read_verdicts()
        assert len(single) + len(pairs) + damaged == 1
        for verdict in pairs:
            assert (type(verdict.blind), type(verdict.new_counted)) == (bool, int)


@pytest.mark.parametrize("blind", ["false", 0, None, [True]])
def test_what_is_no_yes_or_no_is_refused(tmp_path, blind):
    run = RunFolder(tmp_path)
    append_now(run.verdicts_path, encode({**VERDICTS[1], "blind": blind}))
    assert run.read_verdicts() == ([], [], 1)
    if blind is not None:
        text = tomli_w.dumps({"name": "n", "created": "c", "format_version": 1, "evaluate": {"blind": blind}})
        run.settings_path.write_text(text)
        with pytest.raises(RunError, match=r"evaluate\.blind: Expected `bool`"):
            run.read_settings()


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": [10**9, 10**9], "mask": [10**18]},
        {"shape": [-1, -35], "mask": [35]},
        {"shape": [0, 0], "mask": [0]},
        {"mask": [10**30]},
        {"centroids": [[float("nan"), 0]]},
        {"image": 3},
        {"seq": float("inf")},
    ],
)
def test_a_hostile_edit_is_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        decode_edit({**EDIT, **wrong})


@pytest.mark.parametrize(
    ("version", "judgement", "true_count", "read"),
    [
        (1, "acceptable", 2, Judgement.COUNT_RIGHT),
        (1, "count", 3, Judgement.COUNT_WRONG),
        (1, "both", 3, Judgement.BOTH),
        (1, "acceptable", None, Judgement.ACCEPTABLE),
        (1, None, None, None),
        (2, "count", 3, Judgement.COUNT_ERROR),
        (1, "acceptable", 3, Judgement.COUNT_WRONG),
        (2, "acceptable", 3, Judgement.COUNT_ERROR),
        (2, "count-right", 3, Judgement.COUNT_WRONG),
        (2, "both", 2, Judgement.MASK_ERROR),
        (2, "skipped", 3, Judgement.SKIPPED),
    ],
)
def test_counts_decide_about_the_count_and_one_stated_in_an_old_run_judges_no_mask(
    tmp_path, version, judgement, true_count, read
):
    line = encode_verdict(Verdict(1, 1.0, "me", ImageKey("s", "1"), "m", None, counted=2))
    assert line["v"] == 2
    run = RunFolder(tmp_path)
    append_now(run.verdicts_path, encode({**line, "v": version, "judgement": judgement, "true_count": true_count}))
    ((found,), _, _) = run.read_verdicts()
    assert (found.judgement, found.true_count) == (read, true_count)


def test_a_mask_judged_before_its_count_was_stated_stays_judged_in_an_old_run(tmp_path):
    run, image = RunFolder(tmp_path), ImageKey("s", "1")

    def add(seq, judgement, true_count=None, of=image, model="m"):
        verdict = Verdict(seq, 1.0, "me", of, model, judgement, counted=2, true_count=true_count)
        append_now(run.verdicts_path, encode({**encode_verdict(verdict), "v": 1}))

    add(1, Judgement.ACCEPTABLE)
    add(2, Judgement.COUNT_ERROR, 3)
    add(3, Judgement.COUNT_ERROR, 4)
    add(4, Judgement.COUNT_ERROR, 3, of=ImageKey("s", "2"))
    add(5, Judgement.COUNT_ERROR, 3, model="other")
    add(6, None)
    add(7, Judgement.ACCEPTABLE, 2)
    assert [v.mask_wrong for v in run.read_verdicts()[0]] == [False, False, False, None, None, None, None]


def test_a_hostile_verdict_is_refused():
    good = encode_verdict(Verdict(1, 1.0, "me", ImageKey("s", "1"), "m", Judgement.BOTH))
    assert decode_verdict(good).judgement is Judgement.BOTH
    with pytest.raises(ValueError, match="splendid"):
        decode_verdict({**good, "judgement": "splendid"})


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_settings_with_any_value_anywhere_are_read_or_refused_in_words(data):
    import tomllib

    tree = tomllib.loads(RunFolder.encode_settings(SETTINGS))
    table = data.draw(st.sampled_from([tree, *(v for v in tree.values() if isinstance(v, dict)), tree["samples"][0]]))
    table[data.draw(st.sampled_from(sorted(table)))] = data.draw(TOML)
    with tempfile.TemporaryDirectory() as name:
        run = RunFolder(Path(name))
        run.settings_path.write_text(tomli_w.dumps(tree), "utf-8")
        try:
            found = run.read_settings()
        except RunError:
            return
    assert isinstance(found.seed, int)
    assert isinstance(found.train.epochs, int)
    for sample in found.samples:
        inside = run.preview_image(ImageKey(sample.name, "../../event")).resolve()
        assert inside.is_relative_to(run.preview)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a:b", "../x", "a\n"])
def test_a_samples_name_leads_nowhere_else(tmp_path, name):
    bad = replace(SETTINGS, samples=(replace(SETTINGS.samples[0], name=name),))
    with pytest.raises(RunError, match="damaged"):
        written(tmp_path, bad).read_settings()


def test_what_is_no_run_is_told(tmp_path):
    with pytest.raises(RunError, match="not a run"):
        RunFolder(tmp_path).read_settings()
    (tmp_path / "run.toml").write_text("name = ")
    with pytest.raises(RunError, match="can't be read"):
        RunFolder(tmp_path).read_settings()
    (tmp_path / "run.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunError, match="can't be read"):
        RunFolder(tmp_path).read_settings()
    (tmp_path / "run.toml").write_text("format_version = 99\n")
    with pytest.raises(RunError, match="newer version"):
        RunFolder(tmp_path).read_settings()


def test_event_ids_are_not_trusted_as_file_names(tmp_path):
    run = RunFolder(tmp_path)
    for event in ("../../etc/passwd", "a/b", "a\0b", "..", "\x1b[31m"):
        path = run.preview_image(ImageKey("s", event))
        assert path.parent == run.preview / "s"
        assert path.name.isprintable()
