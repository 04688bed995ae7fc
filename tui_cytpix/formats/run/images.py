"""The images of a run: from the copies in `preview/` where they are, else from the samples, if they still are what the
run knows.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tui_cytpix.domain.run_settings import RunSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.errors import SampleChangedError, SampleError
from tui_cytpix.formats.bytes.atomic import replacing, write_bytes
from tui_cytpix.formats.bytes.npz import read_npy
from tui_cytpix.formats.bytes.plain_file import read_json
from tui_cytpix.formats.bytes.source import unreadable
from tui_cytpix.formats.run.folder import MAX_PIXELS, RunFolder
from tui_cytpix.formats.sample import identity
from tui_cytpix.formats.sample.registry import open_sample

if TYPE_CHECKING:
    from tui_cytpix.formats.bytes.image_decode import Gray
    from tui_cytpix.formats.sample.reader import SampleReader

MAX_SIDE = 1 << 16  # px
MOST_GRAY = (1 << 16) - 1
MAX_NPY_HEADER = 1 << 16
_log = logging.getLogger(__name__)


class RunImages:
    """Reads images and backgrounds by key; safe to use from several threads.

    Attributes:
        pixels: the digest of every image that the run has used, and of those read since.
        damaged_lines: of the log that tells these.
        unreadable: images that were asked for and that their samples, which are there, can't give.
        renewed: fingerprints of samples that the run knew by those of earlier builds, and that are the same still.
    """

    def __init__(self, folder: RunFolder, settings: RunSettings) -> None:
        self._folder, self._settings = folder, settings
        self.pixels, self.damaged_lines = folder.read_pixels()
        self.unreadable: set[ImageKey] = set()
        self.renewed: dict[str, str] = {}
        self._readers: dict[str, SampleReader] = {}
        self._lay_there: dict[str, tuple[int, ...]] = {}  # where a reader's sample lies, when it was opened
        self._former: list[SampleReader] = []  # that somebody may still read from
        self._backgrounds: dict[str, NDArray[np.float32] | None] = {}
        self._lock = threading.Lock()  # of the readers; nothing is waited for while it is held
        self._opening: dict[str, threading.Lock] = {}
        self._finding = threading.Lock()  # of backgrounds and sizes

    def take(self, settings: RunSettings) -> None:
        """Goes on with new settings; samples that lie elsewhere now, or have another scale, are opened anew."""
        kept = {_opened_as(one) for one in settings.samples}
        before, self._settings = self._settings, settings
        for one in before.samples:
            if _opened_as(one) not in kept:
                with self._to_open(one.name), self._lock:
                    if (reader := self._readers.pop(one.name, None)) is not None:
                        reader.close()

    def reader(self, sample: str) -> SampleReader:
        """The open sample.

        Raises:
            SampleChangedError: it isn't the one that came into the run.
            SampleError: it isn't where the run remembers it, or can't be read.
        """
        with self._to_open(sample):
            with self._lock:
                if sample in self._readers:
                    return self._readers[sample]
            ref = self._ref(sample)
            path = self._folder.sample_path(ref)
            lies_there = _lying_at(path)
            if not lies_there:
                raise _gone(sample, path)
            given = ref.um_per_px if ref.scale_source == "given" else None
            reader = self._same(ref, open_sample(path, given, ref.channel))
            with self._lock:
                self._readers[sample] = reader
                self._lay_there[sample] = lies_there
            return reader

    def _to_open_anew(self, sample: str, lies_there: tuple[int, ...]) -> None:
        """Where something else lies in the place of an open sample."""
        with self._lock:
            if sample in self._readers and lies_there != self._lay_there[sample]:
                self._former.append(self._readers.pop(sample))

    def _to_open(self, sample: str) -> threading.Lock:
        """Held while a sample is opened: one of gigabytes keeps nobody waiting for another."""
        with self._lock:
            return self._opening.setdefault(sample, threading.Lock())

    def _same(self, ref: SampleRef, reader: SampleReader) -> SampleReader:
        try:
            found, known, before = reader.fingerprint(), ref.fingerprint, ""
            if identity.is_of_earlier_builds(known):
                before = identity.fingerprint_of_earlier_builds(self._folder.sample_path(ref))
            if known not in ("", found, before) and not self._shows_the_same(ref.name, reader):
                raise SampleChangedError(
                    "The sample is not the one that it was",
                    f"{ref.name}: {self._folder.sample_path(ref)} holds other images than when it came into the run.",
                    "Put the former file back; or add this one as a new sample (step 3, or run add), and give the "
                    "former one the role aside, or training where its annotations are to stay in use.",
                )
        except OSError as error:
            reader.close()
            raise unreadable(self._folder.sample_path(ref), error) from error
        except SampleError:
            reader.close()
            raise
        if known != found:
            self.renewed[ref.name] = found
        return reader

    def _shows_the_same(self, sample: str, reader: SampleReader) -> bool:
        """Whether the images that the run has used of it, or kept, up to 64 of them, have the same pixels still: it was
        packed anew, then, or holds more or fewer others.
        """
        known = {key: digest for key, digest in list(self.pixels.items()) if key.sample == sample}
        for key in self._settings.selection.images:
            copy = self._folder.preview_image(key)
            if key.sample == sample and key not in known and copy.is_file():
                known[key] = identity.pixel_digest(_read_png(copy))
        some = identity.spread(sorted(known), identity.READ_OF_A_FOLDER)
        events = set(reader.event_ids)
        return bool(some) and all(
            key.event in events and identity.pixel_digest(reader.read_image(key.event)) == known[key] for key in some
        )

    def fingerprint(self, sample: str) -> str:
        """As the run knows it."""
        return self.renewed.get(sample, self._ref(sample).fingerprint)

    def _ref(self, sample: str) -> SampleRef:
        try:
            return self._settings.sample(sample)
        except KeyError:
            raise SampleError(
                "The run has no such sample", f"{sample}.", "Its samples are listed in run.toml."
            ) from None

    def read(self, key: ImageKey) -> Gray:
        """Gray, (H, W).

        Raises:
            SampleChangedError: it has other pixels than when the run first used it, or its sample is another one.
            SampleError: the image can't be read.
        """
        copy = self._folder.preview_image(key)
        try:
            kept = copy.is_file()
        except OSError as error:
            raise unreadable(copy, error) from error
        image = _read_png(copy) if kept else self._of_sample(key)
        found = identity.pixel_digest(image)
        if self.pixels.setdefault(key, found) != found:
            where = f"The run's copy, {copy}," if kept else f"{self._folder.sample_path(self._ref(key.sample))}"
            raise SampleChangedError(
                "The image is not the one that it was",
                f"{key}: {where} shows other pixels than when the run first used it.",
                "Delete the copy: it is read from the sample again." if kept else "Put the former file back.",
            )
        return image

    def _of_sample(self, key: ImageKey) -> Gray:
        path = self._folder.sample_path(self._ref(key.sample))
        if lies_there := _lying_at(path):
            self._to_open_anew(key.sample, lies_there)
        reader = self.reader(key.sample)
        try:
            image = reader.read_image(key.event)
        except SampleError as error:
            if not lies_there:
                raise _gone(key.sample, path) from error
            self.unreadable.add(key)
            raise
        self.unreadable.discard(key)
        return image

    def digest(self, key: ImageKey) -> str:
        """Of its pixels: those that the run knows it by; it is read where it has never been. Raises as `read`."""
        if key not in self.pixels:
            self.read(key)
        return self.pixels[key]

    def um_per_px(self, sample: str) -> float | None:
        return self._ref(sample).um_per_px

    def background(self, key: ImageKey, image: Gray) -> NDArray[np.float32]:
        """What lies behind the cells, float32 (H, W): see `core.images.background.background_of`.

        The static background is kept in the run. Where the sample is gone or damaged before it was ever asked for,
        there is none: it is guessed from the image alone.
        """
        from tui_cytpix.core.images.background import background_of

        with self._finding:
            if key.sample not in self._backgrounds:
                self._backgrounds[key.sample] = self._static_background(key.sample)
            static = self._backgrounds[key.sample]
        return background_of(image, static)

    def _static_background(self, sample: str) -> NDArray[np.float32] | None:
        from tui_cytpix.formats.sample.background import sample_background

        path = self._folder.background_path(sample)
        with contextlib.suppress(OSError, ValueError):  # not there yet, or damaged
            return _checked_background(read_npy(path, 4 * MAX_PIXELS + MAX_NPY_HEADER))
        try:
            background = sample_background(self.reader(sample))
        except SampleError:
            return None
        if background is not None:
            content = io.BytesIO()
            np.save(content, background)
            _keep_found(path, content.getvalue())
        return background

    def typical_px(self, sample: str) -> float | None:
        """How large the sample's particles look, px (core.images.scale.typical_diameter); None where nothing stands
        out.

        Found once for a run, so that the answer is the same for all of its models and as long as it lives.
        """
        path = self._folder.background_path(sample).with_suffix(".size.json")
        with self._finding:
            with contextlib.suppress(OSError, ValueError):  # not there yet, or damaged
                found = read_json(path)
                if found is None or (isinstance(found, float) and 0 < found <= MAX_SIDE):
                    return found
            size = self._typical_px(sample)
            _keep_found(path, json.dumps(size).encode())
            return size

    def _typical_px(self, sample: str) -> float | None:
        from tui_cytpix.formats.sample.background import typical_px

        try:
            reader = self.reader(sample)
        except SampleError:  # gone: the run's own copies have to do
            kept = [key.event for key in self._settings.selection.images if key.sample == sample]
            return typical_px(kept, lambda event: self.read(ImageKey(sample, event)))
        return typical_px(reader.event_ids, reader.read_image)

    def keep(self, key: ImageKey) -> None:
        """Copies an image into the run, unless its sample lies inside the run anyway."""
        copy = self._folder.preview_image(key)
        inside = self._folder.sample_path(self._ref(key.sample)).is_relative_to(self._folder.path)
        if inside or copy.is_file():
            return
        from PIL import Image

        image = self.read(key)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with replacing(copy) as aside:
            Image.fromarray(image).save(aside, format="PNG")

    def close(self) -> None:
        with self._lock:
            for reader in (*self._readers.values(), *self._former):
                reader.close()
            self._readers.clear()
            self._former.clear()


def _checked_background(found: NDArray[Any]) -> NDArray[np.float32]:
    """Raises:
    ValueError: it is no image's background.
    """
    plane = found.dtype == np.float32 and found.ndim == 2 and found.size > 0
    if not plane or not 0 <= found.min() <= found.max() <= MOST_GRAY:  # NaN is neither
        raise ValueError(f"{found.dtype} {found.shape} is no background")
    return found


def _keep_found(path: Path, content: bytes) -> None:
    """Where it can't be kept (a full disk, a run that is only to be read), it is found anew the next time."""
    try:
        path.parent.mkdir(exist_ok=True)
        write_bytes(path, content)
    except OSError as error:
        _log.warning("what was found of a sample can't be kept: %s", error.strerror or "not written to its end")


def _lying_at(path: Path) -> tuple[int, ...]:
    """By what it is seen that something else lies there: of a folder, to which images may come, the folder alone."""
    try:
        about = path.stat()
    except OSError:
        return ()
    which = (about.st_dev, about.st_ino)
    return which if path.is_dir() else (*which, about.st_size, about.st_mtime_ns)


def _gone(sample: str, path: Path) -> SampleError:
    return SampleError(
        "The sample is not where it was",
        f"{sample}: {path} is gone.",
        "Put it back, or edit its path in run.toml. Selected images open from the run's copies.",
    )


def _opened_as(sample: SampleRef) -> tuple[object, ...]:
    return sample.name, sample.path, sample.um_per_px, sample.scale_source, sample.channel


def _read_png(path: Path) -> Gray:
    from tui_cytpix.formats.bytes.image_decode import decode_gray, read_file

    try:
        return decode_gray(read_file(path), str(path), ("PNG",))
    except SampleError as error:
        way_out = "Delete it: it is read from the sample again."
        raise SampleError("The run's copy of an image is damaged", error.detail, way_out) from error
