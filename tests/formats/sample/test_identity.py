"""What tells samples and images apart holds whatever they are called and wherever they lie, and sees what changed."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tui_cytpix.errors import SampleError
from tui_cytpix.formats.sample import identity
from tui_cytpix.formats.sample.registry import open_sample


def image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1023, (6, 7), dtype=np.uint16)


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind)
    return content.getvalue()


def archive(path: Path, images: dict[str, np.ndarray], *, packed: bool = False, kind: str = "PNG", **others: bytes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as file:
        for name, pixels in images.items():
            file.writestr(f"{name}.{kind.lower()}", encoded(pixels, kind))
        for name, content in others.items():
            file.writestr(name, content)
    return path


def folder(path: Path, images: dict[str, np.ndarray]) -> Path:
    path.mkdir()
    for name, pixels in images.items():
        (path / f"{name}.png").write_bytes(encoded(pixels))
    return path


def fingerprint(path: Path) -> str:
    with open_sample(path) as reader:
        return reader.fingerprint()


NAMES = st.text("abc0123456789", min_size=1, max_size=8)
FEW = {str(n): image(n) for n in range(5)}


@settings(max_examples=20, deadline=None)
@given(name=NAMES, packed=st.booleans(), other=st.binary(max_size=20), turned=st.booleans())
def test_an_archive_is_the_same_wherever_it_lies_and_however_it_is_packed(
    tmp_path_factory, name, packed, other, turned
):
    at = tmp_path_factory.mktemp("a")
    known = fingerprint(archive(at / "known.zip", FEW))
    images = dict(reversed(FEW.items())) if turned else FEW
    assert fingerprint(archive(at / f"{name}.acs", images, packed=packed, **{"notes.txt": other})) == known


@settings(max_examples=40, deadline=None)
@given(event=st.sampled_from(sorted(FEW)), place=st.integers(0, 41), bit=st.integers(0, 9))
def test_any_changed_pixel_of_an_archive_changes_it(tmp_path_factory, event, place, bit):
    at = tmp_path_factory.mktemp("a")
    changed = FEW[event].copy()
    changed.flat[place] ^= 1 << bit
    assert identity.pixel_digest(changed) != identity.pixel_digest(FEW[event])
    for kind in ("TIFF", "PNG"):
        known = fingerprint(archive(at / f"{kind}.zip", FEW, kind=kind))
        assert fingerprint(archive(at / "other.zip", {**FEW, event: changed}, kind=kind)) != known


@settings(max_examples=20, deadline=None)
@given(name=NAMES, event=st.sampled_from(sorted(FEW)), place=st.integers(0, 41))
def test_a_small_folder_is_the_same_as_its_copy_and_another_where_a_pixel_changed(tmp_path_factory, name, event, place):
    at = tmp_path_factory.mktemp("a")
    one = folder(at / "one", FEW)
    copy = Path(shutil.copytree(one, at / f"{name}-copy"))
    assert fingerprint(copy) == fingerprint(one)
    changed = FEW[event].copy()
    changed.flat[place] ^= 1
    (copy / f"{event}.png").write_bytes(encoded(changed))
    assert fingerprint(copy) != fingerprint(one)


@pytest.mark.parametrize("change", ["renamed", "gone", "more"])
def test_a_folder_with_other_files_is_another(tmp_path, change):
    one = folder(tmp_path / "one", FEW)
    known = fingerprint(one)
    if change == "renamed":
        (one / "1.png").rename(one / "x.png")
    elif change == "gone":
        (one / "1.png").unlink()
    else:
        (one / "more.png").write_bytes(encoded(image(9)))
    assert fingerprint(one) != known


def test_of_a_large_folder_names_and_sizes_and_sixty_four_files_tell(tmp_path):
    """The stated limit: another content of the same size, in none of the 64, is left to the image's own digest."""
    one = folder(tmp_path / "one", {f"{n:03d}": image(n) for n in range(130)})
    known = fingerprint(one)
    spread = identity.spread([f"{n:03d}" for n in range(130)], identity.READ_OF_A_FOLDER)
    size = (one / "001.png").stat().st_size
    for name in ("000", "129", "001"):
        path = one / f"{name}.png"
        before = path.read_bytes()
        path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        assert (fingerprint(one) != known) == (name in spread)
        path.write_bytes(before)
    (one / "001.png").write_bytes(b"x" * (size + 1))
    assert fingerprint(one) != known


def test_bytes_changed_behind_an_archives_index_are_noticed_where_they_are_read(tmp_path):
    path = archive(tmp_path / "a.zip", FEW, kind="TIFF")
    known, content = fingerprint(path), bytearray(path.read_bytes())
    at = content.index(FEW["2"].tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert fingerprint(path) == known
    with open_sample(path) as reader, pytest.raises(SampleError, match="checksum is wrong"):
        reader.pixel_digest("2")


@given(seed=st.integers(0, 99))
def test_an_image_is_its_pixels_in_whatever_file(tmp_path_factory, seed):
    at, small = tmp_path_factory.mktemp("a"), (image(seed) % 200).astype(np.uint8)
    digests = set()
    for name, kind, pixels in (("a", "PNG", small), ("b", "TIFF", small), ("c", "PNG", small.astype(np.uint16))):
        (at / name).mkdir()
        (at / name / f"{name}.{kind.lower()}").write_bytes(encoded(pixels, kind))
        with open_sample(at / name) as reader:
            digests.add(reader.pixel_digest(name))
    assert digests == {identity.pixel_digest(small)}
    assert identity.pixel_digest(small.reshape(7, 6)) not in digests


def test_the_hash_of_all_images_is_that_of_their_pixels_alone():
    digests = [identity.pixel_digest(pixels) for pixels in FEW.values()]
    assert identity.of_many(digests) == identity.of_many(reversed(digests))
    assert identity.of_many(digests) != identity.of_many([*digests, digests[0]])


def test_archives_tell_which_images_they_share(tmp_path):
    renamed = {f"x{name}": pixels for name, pixels in list(FEW.items())[:3]}
    with (
        open_sample(archive(tmp_path / "a.zip", FEW)) as one,
        open_sample(archive(tmp_path / "b.zip", {**renamed, "9": image(9)})) as other,
    ):
        assert (one.shared_images(other), other.shared_images(one)) == (3, 3)
