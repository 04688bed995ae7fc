"""Shards: what goes in comes out, and a damaged one is as absent."""

from __future__ import annotations

import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.formats.run.predictions import Prediction, PredictionStore, read_shard, write_shard

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)


def zooms():
    return st.builds(Zoom, st.floats(0.2, 5), st.sampled_from(By), st.none() | st.floats(0.01, 20))


@st.composite
def predictions(draw):
    key = ImageKey(draw(st.sampled_from(["tube-1", "tube.2"])), draw(NAMES))
    mask = draw(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
    centroids = draw(
        hnp.arrays(np.float32, st.tuples(st.integers(0, 4), st.just(2)), elements=st.floats(0, 9, width=32))
    )
    probability = draw(st.none() | hnp.arrays(np.uint8, st.just(mask.shape)))
    known = st.just((len(centroids),)) if draw(st.booleans()) else st.just((0,))
    particles = draw(hnp.arrays(np.float32, known, elements=st.floats(0, 1, width=32)))
    labels = draw(st.none() | hnp.arrays(np.uint16, st.just(mask.shape), elements=st.integers(0, len(centroids))))
    labels = None if labels is None else labels * mask
    segmentation = Segmentation(mask, centroids, draw(st.floats(0, 1, width=32)), particles, labels)
    return Prediction(key, segmentation, probability, draw(st.none() | zooms()))


def square(size=16, count=1):
    mask = np.zeros((size, size), bool)
    mask[4:9, 4:9] = True
    return Segmentation(mask, np.full((count, 2), 6, np.float32), 0.5)


@settings(max_examples=30, deadline=None)
@given(st.lists(predictions(), max_size=5))
def test_a_shard_gives_back_what_was_written(items):
    with tempfile.TemporaryDirectory() as folder:
        path = write_shard(Path(folder), "one", items)
        again = read_shard(path)
    assert [(a.key, a.zoom) for a in again] == [(i.key, i.zoom) for i in items]
    for one, other in zip(items, again, strict=True):
        assert one.segmentation.same_as(other.segmentation)
        assert one.segmentation.confidence == other.segmentation.confidence
        np.testing.assert_array_equal(one.segmentation.particle_confidence, other.segmentation.particle_confidence)
        if one.probability is None:
            assert other.probability is None
        else:
            np.testing.assert_array_equal(one.probability, other.probability)


def test_later_shards_win_and_new_ones_are_taken_in(tmp_path):
    key, other = ImageKey("s", "1"), ImageKey("s", "2")
    store = PredictionStore(tmp_path / "model")
    assert store.keys() == []
    write_shard(tmp_path / "model", "a", [Prediction(key, square())])
    assert store.refresh()
    write_shard(tmp_path / "model", "b", [Prediction(key, square(count=2)), Prediction(other, square())])
    assert store.get(key).particle_count == 1
    assert store.refresh()
    assert store.get(key).particle_count == 2
    assert set(store.keys()) == {key, other}
    assert not store.refresh()
    assert store.get(ImageKey("s", "3")) is None
    assert store.probability(key) is None


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_damaged_shard_is_as_absent(data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good = write_shard(folder, "a", [Prediction(ImageKey("s", "1"), square())])
        content = bytearray(good.read_bytes())
        if data.draw(st.booleans()):
            content = content[: data.draw(st.integers(0, len(content) - 1))]
        else:
            for _ in range(data.draw(st.integers(1, 4))):
                content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        (folder / "b.npz").write_bytes(bytes(content))
        store = PredictionStore(folder)
        assert store.get(ImageKey("s", "1")) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"shapes": np.array([[1 << 30, 1 << 30]], np.int32)},
        {"shapes": np.array([[-4, -4]], np.int32)},
        {"counts": np.array([-1], np.int32)},
        {"counts": np.array([9], np.int32)},
        {"centroids": np.array([[np.nan, 1]], np.float32)},
        {"keys": np.array(["no colon"])},
        {"keys": np.array(["s:1", "s:2"])},
        {"masks": np.array(3)},
        {"shapes": np.array([4, 4], np.int32)},
        {"shapes": np.array([[16.5, 16]])},
        {"counts": np.array([1.0])},
        {"counts": np.array([[1]], np.int32)},
        {"centroids": np.zeros((1, 2, 2), np.float32)},
        {"centroids": np.zeros((2,), np.float32)},
        {"centroids": np.zeros((1, 3), np.float32)},
        {"centroids": np.array([["a", "b"]])},
        {"particle_confidence": np.zeros(3, np.float32)},
        {"has_labels": np.zeros(2, bool)},
        {"has_labels": np.array([True])},
        {"has_labels": np.array([True]), "labels": np.ones(1, np.uint16)},
        {"has_labels": np.array([True]), "labels": np.full(25, 2, np.uint16)},
        {"has_labels": np.array([True]), "labels": np.full(25, np.nan, np.float32)},
    ],
)
def test_parts_that_do_not_fit_are_as_absent(tmp_path, wrong):
    with np.load(write_shard(tmp_path, "a", [Prediction(ImageKey("s", "1"), square())])) as data:
        parts = dict(data)
    (tmp_path / "a.npz").unlink()
    np.savez(tmp_path / "b.npz", **{**parts, **wrong})
    assert PredictionStore(tmp_path).keys() == []


def test_masks_that_unpack_to_more_than_is_read_are_not_unpacked(tmp_path):
    number, side = 3000, 600  # 135 MB as bits, 1 GB as masks
    masks = np.zeros(number * side * side // 8, np.uint8)
    with np.load(write_shard(tmp_path, "a", [Prediction(ImageKey("s", "1"), square())])) as data:
        parts = {name: np.repeat(value, number) for name, value in data.items() if value.shape == (1,)}
    parts |= {"keys": np.array([f"s:{k}" for k in range(number)]), "shapes": np.full((number, 2), side, np.int32)}
    rest = {name: np.zeros(0, np.uint8) for name in ("probabilities",)} | {"labels": np.zeros(0, np.uint16)}
    pairs = {"centroids": np.zeros((number, 2), np.float32)}
    np.savez_compressed(tmp_path / "a.npz", **parts, **rest, **pairs, masks=masks)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="unpack to 1,080,000,000 bytes"):
            read_shard(tmp_path / "a.npz")
        assert tracemalloc.get_traced_memory()[1] < 1 << 28
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("put", [lambda path: path.symlink_to(path.name), lambda path: path.symlink_to("nowhere")])
def test_a_link_that_leads_nowhere_is_as_absent(tmp_path, put):
    write_shard(tmp_path, "a", [Prediction(ImageKey("s", "1"), square())])
    put(tmp_path / "b.npz")
    assert PredictionStore(tmp_path).keys() == [ImageKey("s", "1")]


def test_a_shard_of_earlier_builds_still_opens(tmp_path):
    """It knows no confidences of particles and no labels."""
    one = square()
    sure = Segmentation(one.mask, one.centroids, 0.5, np.array([0.7], np.float32), one.mask.astype(np.uint16))
    with np.load(write_shard(tmp_path, "a", [Prediction(ImageKey("s", "1"), sure)])) as data:
        later = ("particle_confidence", "labels", "has_labels")
        parts = {name: value for name, value in data.items() if name not in later}
    found = PredictionStore(tmp_path).get(ImageKey("s", "1"))
    assert found.particle_confidence.tolist() == pytest.approx([0.7])
    np.testing.assert_array_equal(found.labels, one.mask)
    np.savez(tmp_path / "a.npz", **parts)
    found = PredictionStore(tmp_path).get(ImageKey("s", "1"))
    assert len(found.particle_confidence) == 0
    assert found.same_as(one)


def test_a_pickle_in_a_shard_is_not_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", keys=np.array([object()], dtype=object), allow_pickle=True)
    assert PredictionStore(tmp_path).keys() == []


def test_nobody_sees_an_image_0_times_as_large(tmp_path):
    write_shard(tmp_path, "a", [Prediction(ImageKey("s", "1"), square(), zoom=Zoom(0.0, By.SET))])
    with pytest.raises(ValueError, match="zoom"):
        read_shard(tmp_path / "a.npz")


def test_answers_of_another_way_of_seeing_are_as_absent(tmp_path):
    ways = {"s": ("unknown scale", "")}
    store = PredictionStore(tmp_path, lambda sample: ways.get(sample, ()))
    key, old, strange = ImageKey("s", "1"), ImageKey("s", "2"), ImageKey("t", "1")
    write_shard(tmp_path, "a", [Prediction(key, square(), zoom=Zoom(1.3, By.PARTICLES)), Prediction(old, square())])
    write_shard(
        tmp_path, "b", [Prediction(key, square(count=2), zoom=Zoom(1.5, By.SET)), Prediction(strange, square())]
    )
    assert store.refresh()
    assert set(store.keys()) == {key, old}
    assert store.get(key).particle_count == 1
    assert store.zoom("s") == Zoom(1.3, By.PARTICLES)
    ways["s"] = ("zoom 1.5",)  # set meanwhile
    assert store.keys() == [key]
    assert store.get(key).particle_count == 2
    assert store.get(old) is None
    assert store.probability(old) is None
    assert store.zoom("s") == Zoom(1.5, By.SET)
    ways["s"] = ("zoom 1.6",)
    assert store.keys() == []
    assert store.zoom("s") is None
    plain = PredictionStore(tmp_path)  # the newest answer, whatever its way
    assert set(plain.keys()) == {key, old, strange}
    assert plain.get(key).particle_count == 2
