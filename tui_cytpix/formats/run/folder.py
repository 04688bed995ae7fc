"""A run on disk: plain files, each written whole or appended to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import tomli_w

from tui_cytpix.domain.annotation import Edit
from tui_cytpix.domain.field_ranges import Number, PixelDigest, Whole
from tui_cytpix.domain.gate import check_gates, gate_to_dict
from tui_cytpix.domain.plain_values import from_plain, to_plain
from tui_cytpix.domain.run_settings import FORMAT_VERSION, RunSettings
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.sample_names import is_sample_name
from tui_cytpix.domain.segmentation import Segmentation, decode_labels, decode_mask, encode_labels, encode_mask
from tui_cytpix.domain.verdict import Judgement, PairVerdict, Verdict
from tui_cytpix.errors import RunError
from tui_cytpix.formats.bytes.names import MOST_NAME_BYTES, file_name
from tui_cytpix.formats.bytes.plain_file import read_toml
from tui_cytpix.formats.run.json_log import read_log

LINE_VERSION = 1
VERDICT_VERSION = 2  # see _as_version_1_meant
MAX_PIXELS = 1 << 26


class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = Path(path).resolve()
        self.settings_path = self.path / "run.toml"
        self.annotations_path = self.path / "annotations.jsonl"
        self.verdicts_path = self.path / "verdicts.jsonl"
        self.images_path = self.path / "images.jsonl"
        self.preview = self.path / "preview"
        self.jobs = self.path / "jobs"
        self.checkpoints = self.path / "checkpoints"
        self.model_path = self.path / "model.safetensors"
        self.lease_path = self.path / "run.lease"
        self.training_lease_path = self.path / "training.lease"

    def predictions(self, model_hash: str) -> Path:
        return self.path / "predictions" / model_hash.removeprefix("sha256:")[:16]

    def preview_image(self, key: ImageKey) -> Path:
        """Where the copy of a selected image lies; event ids are not trusted as file names."""
        copy = self.preview / key.sample / file_name(key.event, ".png")
        of_earlier_builds = f"{quote(key.event, safe=' ')}.png"
        if of_earlier_builds != copy.name and len(of_earlier_builds) <= MOST_NAME_BYTES:
            earlier = copy.with_name(of_earlier_builds)
            return earlier if earlier.is_file() else copy
        return copy

    def background_path(self, sample: str) -> Path:
        """The static background of a sample's images: float32 `.npy`."""
        return self.preview / f"{sample}.background.npy"

    def descriptors_path(self, sample: str) -> Path:
        """What was found of the morphology of a sample's images, for the selection and for similar images: `.npz`."""
        return self.preview / f"{sample}.descriptors.npz"

    def sample_path(self, sample: SampleRef) -> Path:
        """The sample's path, which may be relative to the run."""
        return (self.path / sample.path).resolve()

    def read_settings(self) -> RunSettings:
        """Raises:
        RunError: not a run, damaged, or of a newer version.
        """
        way_out = "Give the folder of a run, or start one with `tui-cytpix run new`."
        try:
            data = read_toml(self.settings_path)
        except FileNotFoundError as error:
            raise RunError("This is not a run", f"{self.path} has no run.toml.", way_out) from error
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise RunError("The run can't be read", f"{self.settings_path}: {why}.", way_out) from error
        version = data.get("format_version")
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise RunError(
                "The run was written by a newer version",
                f"{self.settings_path}: format_version {version!r}.",
                "Update tui-cytpix.",
            )
        try:
            settings = from_plain(RunSettings, _with_tubes(data))
            _check_names([sample.name for sample in settings.samples])
            check_gates(settings.gates)
        except ValueError as error:
            raise RunError("The run's settings are damaged", f"{self.settings_path}: {error}.", way_out) from error
        return settings

    @staticmethod
    def encode_settings(settings: RunSettings) -> str:
        return tomli_w.dumps(to_plain(settings) | {"gates": [gate_to_dict(gate) for gate in settings.gates]})

    def read_edits(self) -> tuple[list[Edit], int]:
        """The annotation log, and how many of its lines are damaged."""
        return _decoded(self.annotations_path, decode_edit)

    def read_verdicts(self) -> tuple[list[Verdict], list[PairVerdict], int]:
        """The verdict log, about one model and about two, and how many of its lines are damaged."""
        found, damaged = _decoded(self.verdicts_path, _verdict_decoder())
        single = [verdict for verdict in found if isinstance(verdict, Verdict)]
        return single, [verdict for verdict in found if isinstance(verdict, PairVerdict)], damaged

    def read_pixels(self) -> tuple[dict[ImageKey, str], int]:
        """The digest of every image that the run has used (formats.sample.identity.pixel_digest), as it was then, and
        how many of the log's lines are damaged.
        """
        found: dict[ImageKey, str] = {}
        lines, damaged = _decoded(self.images_path, lambda record: from_plain(ImageLine, record))
        for line in lines:
            found.setdefault(line.image, line.pixels)
        return found, damaged


@dataclass(frozen=True)
class ImageLine:
    """One line of `images.jsonl`: which pixels an image had when the run first used it."""

    image: ImageKey
    pixels: PixelDigest


def encode_image_line(line: ImageLine) -> dict[str, Any]:
    return {"v": LINE_VERSION, **to_plain(line)}


def _with_tubes(data: dict[str, Any]) -> dict[str, Any]:
    """Earlier builds had a sample's `replicate`, and did not ask whether it was independent: it says which tube."""
    samples = data.get("samples")
    for sample in samples if isinstance(samples, list) else []:
        if isinstance(sample, dict) and "replicate" in sample:
            sample.setdefault("tube", sample.pop("replicate"))
    return data


def _decoded(path: Path, decode: Any) -> tuple[list[Any], int]:
    try:
        records, damaged = read_log(path)
    except OSError as error:
        way_out = "Copy the run again, or take back the right to read it."
        raise RunError("A log of the run can't be read", f"{path}: {error.strerror}.", way_out) from error
    items = []
    for record in records:
        try:
            items.append(decode(record))
        except ValueError:
            damaged += 1
    return items, damaged


def _check_names(names: list[str]) -> None:
    """A sample's name becomes a folder's: it must not lead elsewhere."""
    for name in names:
        if not is_sample_name(name) or names.count(name) > 1:
            raise ValueError(f"{name!r} is no sample's name, or there twice")


def encode_edit(edit: Edit) -> dict[str, Any]:
    plain = to_plain(replace(edit, segmentation=None, seconds=round(edit.seconds, 3)))
    record: dict[str, Any] = {"v": LINE_VERSION, **plain}
    if not edit.origin:
        del record["origin"]
    if edit.segmentation is not None:
        record |= _encode_segmentation(edit.segmentation)
    return record


def _encode_segmentation(segmentation: Segmentation) -> dict[str, Any]:
    """`particles` are there only where mask and centroids don't say as much."""
    mask, labels = segmentation.mask, segmentation.labels
    record: dict[str, Any] = {
        "shape": list(mask.shape),
        "mask": encode_mask(mask),
        "centroids": segmentation.centroids.astype(str).astype(float).tolist(),  # as few digits as bring it back
    }
    if labels is not None:
        from tui_cytpix.core.objects.particles import need_telling

        if need_telling(segmentation):
            record["particles"] = encode_labels(labels, mask)
    return record


@dataclass(frozen=True)
class _Drawn:
    """Of an edit's line, what says its segmentation, as `_encode_segmentation` writes it."""

    shape: tuple[Whole, Whole]
    mask: tuple[Whole, ...]
    centroids: tuple[tuple[Number, Number], ...]
    particles: tuple[Whole, ...] | None = None

    def segmentation(self) -> Segmentation:
        """Raises:
        ValueError: there is no such image.
        """
        height, width = self.shape
        if not (0 < height <= MAX_PIXELS and 0 < width <= MAX_PIXELS and height * width <= MAX_PIXELS):
            raise ValueError(f"{height} x {width} is no image's size")
        mask = decode_mask(self.mask, self.shape)
        with np.errstate(over="ignore"):  # refused below
            centroids = np.asarray(self.centroids, np.float32).reshape(-1, 2)
        if not np.isfinite(centroids).all():
            raise ValueError("a centroid is nowhere")
        labels = None if self.particles is None else decode_labels(self.particles, mask, len(centroids))
        return Segmentation(mask, centroids, labels=labels)


def decode_edit(record: Mapping[str, Any]) -> Edit:
    """The inverse of `encode_edit`.

    Raises:
        ValueError: not an edit.
    """
    edit = from_plain(Edit, {**record, "segmentation": None})
    return replace(edit, segmentation=from_plain(_Drawn, record).segmentation()) if "mask" in record else edit


def encode_verdict(verdict: Verdict | PairVerdict) -> dict[str, Any]:
    said, version = ("judgement", VERDICT_VERSION) if isinstance(verdict, Verdict) else ("preference", LINE_VERSION)
    return {"v": version, said: None, **to_plain(verdict)}


def decode_verdict(record: Mapping[str, Any]) -> Verdict:
    """The inverse of `encode_verdict`. Where the counts say otherwise of the count than the judgement, they are right.

    Raises:
        ValueError: not a verdict.
    """
    verdict = from_plain(Verdict, record)
    judgement = verdict.judgement
    return replace(verdict, judgement=judgement and judgement.by_counts(verdict.counted, verdict.true_count))


def _verdict_decoder() -> Callable[[Mapping[str, Any]], Verdict | PairVerdict]:
    """For the lines of a log, in its order."""
    standing: dict[tuple[ImageKey, str, str], Verdict] = {}

    def decode(record: Mapping[str, Any]) -> Verdict | PairVerdict:
        if "preference" in record:
            return from_plain(PairVerdict, record)
        verdict = decode_verdict(record)
        about = (verdict.image, verdict.model, verdict.step)
        if record.get("v") == 1:
            verdict = _as_version_1_meant(verdict, standing.get(about))
        standing[about] = verdict
        return verdict

    return decode


def _as_version_1_meant(verdict: Verdict, before: Verdict | None) -> Verdict:
    """Version 1 wrote a stated count as if the mask were good, where nothing had been said of it before."""
    mask_open = before is None or before.mask_wrong is None
    if verdict.true_count is not None and verdict.mask_wrong is False and mask_open:
        return replace(verdict, judgement=Judgement.of(bool(verdict.count_wrong), None))
    return verdict
