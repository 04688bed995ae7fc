from __future__ import annotations

import io
import json
import shutil
import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from tui_cytpix.core.images.background import image_background
from tui_cytpix.domain.run_settings import RunSettings, SelectionSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.errors import SampleChangedError, SampleError
from tui_cytpix.formats.run.folder import ImageLine, RunFolder, encode_image_line
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.formats.run.json_log import append_now, encode
from tui_cytpix.formats.sample.identity import fingerprint_of_earlier_builds
from tui_cytpix.formats.sample.registry import open_sample

RADIUS = 9


@pytest.fixture
def run(tmp_path):
    """A run on a folder of images of discs, of unknown scale, whose selected images it has copied."""
    sample = tmp_path / "discs"
    sample.mkdir()
    for i in range(30):
        gray = np.random.default_rng(i).normal(500, 4, (64, 64)).astype(np.float32)
        cv2.circle(gray, (32, 30), RADIUS, 350, 3)
        cv2.imwrite(str(sample / f"{i:02d}.png"), gray.astype(np.uint16))
    keys = tuple(ImageKey("discs", f"{i:02d}") for i in range(6))
    settings = RunSettings(
        "run", "now", samples=(SampleRef("discs", str(sample), 0, ""),), selection=SelectionSettings(6, keys, ())
    )
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    return folder, settings, sample


def test_the_size_of_particles_is_found_once_for_a_run(run):
    folder, settings, sample = run
    found = RunImages(folder, settings).typical_px("discs")
    assert found == pytest.approx(2 * RADIUS + 3, rel=0.15)
    shutil.rmtree(sample)
    assert RunImages(folder, settings).typical_px("discs") == found


@pytest.mark.parametrize("damaged", ["", "[" * 100_000, '"wide"', "-1.0", "true"])
def test_a_damaged_size_of_the_run_is_found_anew(run, damaged):
    folder, settings, _sample = run
    found = RunImages(folder, settings).typical_px("discs")
    kept = folder.background_path("discs").with_suffix(".size.json")
    kept.write_text(damaged)
    assert RunImages(folder, settings).typical_px("discs") == found
    assert json.loads(kept.read_text()) == found


def test_without_the_sample_the_runs_own_copies_tell_the_size(run):
    folder, settings, sample = run
    images = RunImages(folder, settings)
    for key in settings.selection.images:
        images.keep(key)
    images.close()
    shutil.rmtree(sample)
    assert RunImages(folder, settings).typical_px("discs") == pytest.approx(2 * RADIUS + 3, rel=0.15)


def test_a_damaged_background_of_the_run_is_found_anew(run):
    folder, settings, _sample = run
    key = ImageKey("discs", "00")
    images = RunImages(folder, settings)
    found = images.background(key, images.read(key))
    folder.background_path("discs").write_bytes(b"\x93NUMPY")
    images = RunImages(folder, settings)
    assert np.array_equal(images.background(key, images.read(key)), found)


def test_without_the_sample_an_image_alone_tells_its_background(run):
    folder, settings, sample = run
    images = RunImages(folder, settings)
    key = ImageKey("discs", "00")
    images.keep(key)
    images.close()
    shutil.rmtree(sample)
    images = RunImages(folder, settings)
    image = images.read(key)
    assert np.array_equal(images.background(key, image), image_background(image))
    assert not folder.background_path("discs").exists()  # a guess isn't kept: the sample may come back


ENDLESS_POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 60\n%%EndComments\n{ } loop\nshowpage\n"


def encoded(kind: str, shape: tuple[int, ...] = (8, 8)) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, shape, np.uint8)).save(content, kind)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (ENDLESS_POSTSCRIPT, "it is no PNG"),
        (encoded("TIFF"), "it is no PNG"),
        (encoded("GIF"), "it is no PNG"),
        (encoded("PNG")[:-40], "truncated"),
        (b"", "empty"),
    ],
    ids=["postscript", "tiff", "gif", "cut-off", "empty"],
)
def test_a_copy_that_is_no_png_is_refused_and_starts_nothing(run, tmp_path, monkeypatch, content, words):
    folder, settings, _ = run
    called = tmp_path / "called"
    (tmp_path / "gs").write_text(f"#!/bin/sh\necho called >> {called}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    images = RunImages(folder, settings)
    key = settings.selection.images[0]
    images.keep(key)
    copy = folder.preview_image(key)
    copy.write_bytes(content)
    with pytest.raises(SampleError) as refused:
        images.read(key)
    assert str(copy) in str(refused.value)
    assert words in str(refused.value)
    assert "Delete it" in str(refused.value)
    assert not called.exists()
    copy.unlink()
    assert images.read(key).shape == (64, 64)
    images.close()


def refs(settings, **changes):
    return replace(settings, samples=tuple(replace(ref, **changes) for ref in settings.samples))


def test_a_sample_that_is_another_is_refused(run):
    folder, settings, sample = run
    with open_sample(sample) as reader:
        settings = refs(settings, fingerprint=reader.fingerprint())
    assert RunImages(folder, settings).reader("discs").event_ids
    Image.fromarray(np.random.default_rng(99).integers(0, 999, (64, 64), np.uint16)).save(sample / "07.png")
    images = RunImages(folder, settings)
    for _ in range(2):
        with pytest.raises(SampleChangedError, match=r"discs: .* holds other images .* as a new sample"):
            images.reader("discs")
    with pytest.raises(SampleChangedError):
        images.read(ImageKey("discs", "07"))


def test_a_sample_that_earlier_builds_knew_is_known_by_its_images_from_then_on(run):
    folder, settings, sample = run
    settings = refs(settings, fingerprint=fingerprint_of_earlier_builds(sample))
    images = RunImages(folder, settings)
    found = images.reader("discs").fingerprint()
    assert images.renewed == {"discs": found}
    assert images.fingerprint("discs") == found
    (sample / "07.png").rename(sample / "x.png")
    with pytest.raises(SampleChangedError):
        RunImages(folder, settings).reader("discs")


def test_an_image_with_other_pixels_than_the_run_knows_is_refused(run):
    folder, settings, sample = run
    key = ImageKey("discs", "07")
    line = encode_image_line(ImageLine(key, RunImages(folder, settings).digest(key)))
    append_now(folder.images_path, encode(line) + encode({**line, "pixels": "0123456789abcdef"}) + b'{"image":"x"}\n')
    images = RunImages(folder, settings)
    assert images.read(key).shape == (64, 64)  # the first line holds
    images.close()
    Image.fromarray(np.random.default_rng(99).integers(0, 999, (64, 64), np.uint16)).save(sample / "07.png")
    with pytest.raises(SampleChangedError, match=r"discs:07: .* other pixels"):
        RunImages(folder, settings).read(key)


def test_a_copy_that_is_another_image_is_refused(run):
    folder, settings, _sample = run
    images = RunImages(folder, settings)
    one, other = settings.selection.images[:2]
    images.keep(one)
    images.keep(other)
    shutil.copyfile(folder.preview_image(other), folder.preview_image(one))
    with pytest.raises(SampleChangedError, match="Delete the copy"):
        images.read(one)


def test_a_new_scale_opens_only_its_own_sample_anew(run):
    folder, settings, sample = run
    more = replace(settings.samples[0], name="again", path=str(shutil.copytree(sample, sample.with_name("again"))))
    settings = replace(settings, samples=(*settings.samples, more))
    images = RunImages(folder, settings)
    first, second = images.reader("discs"), images.reader("again")
    changed = replace(more, um_per_px=0.2, scale_source="given")
    images.take(replace(settings, samples=(settings.samples[0], changed)))
    assert images.reader("discs") is first
    assert images.reader("again") is not second
    assert images.reader("again").scale.um_per_px == 0.2


def test_a_background_that_is_sought_while_its_sample_is_opened_is_found(run, monkeypatch):
    """Neither waits for what the other holds."""
    folder, settings, _sample = run
    key = ImageKey("discs", "07")
    image = RunImages(folder, settings).read(key)
    images, opening, seeking, found = RunImages(folder, settings), threading.Event(), threading.Event(), []
    static = RunImages._static_background

    def slow(*given):
        opening.set()
        seeking.wait(10)
        return open_sample(*given)

    def sought(*given):
        seeking.set()
        return static(*given)

    def seek():
        opening.wait(10)
        found.append(images.background(key, image).shape)

    monkeypatch.setattr("tui_cytpix.formats.run.images.open_sample", slow)
    monkeypatch.setattr(RunImages, "_static_background", sought)
    threads = [threading.Thread(target=work, daemon=True) for work in (lambda: images.reader("discs"), seek)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [(64, 64)]


def test_a_sample_whose_used_images_are_the_same_is_the_same(run):
    """Packed anew, with another file beside them, with more or fewer others: by any build's fingerprint."""
    folder, settings, sample = run
    images = RunImages(folder, settings)
    for key in settings.selection.images:
        images.keep(key)
    fingerprints = fingerprint_of_earlier_builds(sample), images.reader("discs").fingerprint()
    images.close()
    for path in sorted(sample.iterdir())[:10]:
        Image.open(path).save(path, compress_level=1)
    (sample / ".DS_Store").write_bytes(b"no image")
    (sample / "29.png").unlink()
    for known in fingerprints:
        ref = replace(settings.samples[0], fingerprint=known)
        again = RunImages(folder, replace(settings, samples=(ref,)))
        assert len(again.reader("discs").event_ids) == 29
        assert again.renewed["discs"] not in fingerprints
        again.close()
    other = np.asarray(Image.open(sample / "20.png"))
    Image.fromarray(other).save(sample / "03.png")
    with pytest.raises(SampleChangedError, match="holds other images"):
        RunImages(folder, replace(settings, samples=(ref,))).reader("discs")
