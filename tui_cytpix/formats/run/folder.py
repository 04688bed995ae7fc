"""A run on disk: plain files, each written whole or appended to."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import tomli_w

from tui_cytpix.domain.annotation import Edit
from tui_cytpix.domain.checked import known_fields
from tui_cytpix.domain.gate import check_gates, gate_from_dict, gate_to_dict
from tui_cytpix.domain.run_settings import (
    FORMAT_VERSION,
    AssessSettings,
    BaseModelSettings,
    EvaluateSettings,
    RunSettings,
    SelectionSettings,
    TrainSettings,
)
from tui_cytpix.domain.sample import ImageKey, SampleRef
from tui_cytpix.domain.segmentation import Segmentation, decode_labels, decode_mask, encode_labels, encode_mask
from tui_cytpix.domain.verdict import Judgement, PairVerdict, Preference, Verdict
from tui_cytpix.errors import RunError
from tui_cytpix.formats.run.json_log import read_log

LINE_VERSION = 1
VERDICT_VERSION = 2  # see _as_version_1_meant
MAX_PIXELS = 1 << 26
_SAMPLE_NAME = re.compile(r"[A-Za-z0-9._-]+")
_STEPS = {
    "assess": AssessSettings,
    "base_model": BaseModelSettings,
    "selection": SelectionSettings,
    "train": TrainSettings,
    "evaluate": EvaluateSettings,
}


class RunFolder:
    """Where everything of a run lies."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path).resolve()
        self.settings_path = self.path / "run.toml"
        self.annotations_path = self.path / "annotations.jsonl"
        self.verdicts_path = self.path / "verdicts.jsonl"
        self.preview = self.path / "preview"
        self.jobs = self.path / "jobs"
        self.checkpoints = self.path / "checkpoints"
        self.model_path = self.path / "model.safetensors"
        self.lease_path = self.path / "run.lease"
        self.training_lease_path = self.path / "training.lease"

    def predictions(self, model_hash: str) -> Path:
        """The folder of one model's answers."""
        return self.path / "predictions" / model_hash.removeprefix("sha256:")[:16]

    def preview_image(self, key: ImageKey) -> Path:
        """Where the copy of a selected image lies; event ids are not trusted as file names."""
        return self.preview / key.sample / f"{quote(key.event, safe=' ')}.png"

    def background_path(self, sample: str) -> Path:
        """The static background of a sample's images: float32 `.npy`."""
        return self.preview / f"{sample}.background.npy"

    def sample_path(self, sample: SampleRef) -> Path:
        """The sample's path, which may be relative to the run."""
        return (self.path / sample.path).resolve()

    def read_settings(self) -> RunSettings:
        """Raises:
        RunError: not a run, damaged, or of a newer version.
        """
        way_out = "Give the folder of a run, or start one with `tui-cytpix run new`."
        try:
            data = tomllib.loads(self.settings_path.read_text("utf-8"))
        except FileNotFoundError as error:
            raise RunError("This is not a run", f"{self.path} has no run.toml.", way_out) from error
        except (OSError, ValueError) as error:
            raise RunError("The run can't be read", f"{self.settings_path}: {error}.", way_out) from error
        version = data.get("format_version")
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise RunError(
                "The run was written by a newer version",
                f"{self.settings_path}: format_version {version!r}.",
                "Update tui-cytpix.",
            )
        try:
            return _settings_from(data)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise RunError("The run's settings are damaged", f"{self.settings_path}: {error}.", way_out) from error

    @staticmethod
    def encode_settings(settings: RunSettings) -> str:
        """The text of `run.toml`."""
        gates = [gate_to_dict(gate) for gate in settings.gates]
        return tomli_w.dumps(_plain(asdict(settings) | {"gates": gates}))

    def read_edits(self) -> tuple[list[Edit], int]:
        """The annotation log, and how many of its lines are damaged."""
        return _decoded(self.annotations_path, decode_edit)

    def read_verdicts(self) -> tuple[list[Verdict], list[PairVerdict], int]:
        """The verdict log, about one model and about two, and how many of its lines are damaged."""
        found, damaged = _decoded(self.verdicts_path, _verdict_decoder())
        single = [verdict for verdict in found if isinstance(verdict, Verdict)]
        return single, [verdict for verdict in found if isinstance(verdict, PairVerdict)], damaged


def _decoded(path: Path, decode: Any) -> tuple[list[Any], int]:
    records, damaged = read_log(path)
    items = []
    for record in records:
        try:
            items.append(decode(record))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            damaged += 1
    return items, damaged


def _plain(value: Any) -> Any:
    """TOML has no null and no tuple: keys go, image keys become text."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, ImageKey):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _settings_from(data: Mapping[str, Any]) -> RunSettings:
    parts: dict[str, Any] = known_fields(RunSettings, data)
    for name, cls in _STEPS.items():
        known = known_fields(cls, data.get(name, {}))
        for images in ("sequence", "random", "variable"):
            if images in known:
                known[images] = tuple(ImageKey.parse(text) for text in known[images])
        parts[name] = cls(**known)
    parts["samples"] = tuple(SampleRef(**known_fields(SampleRef, sample)) for sample in data.get("samples", []))
    _check_names([sample.name for sample in parts["samples"]])
    parts["gates"] = tuple(gate_from_dict(gate) for gate in data.get("gates", []))
    check_gates(parts["gates"])
    return RunSettings(**parts)


def _check_names(names: list[str]) -> None:
    """A sample's name becomes a folder's: it must not lead elsewhere."""
    for name in names:
        if not _SAMPLE_NAME.fullmatch(name) or name in (".", "..") or names.count(name) > 1:
            raise ValueError(f"{name!r} is no sample's name, or there twice")


def encode_edit(edit: Edit) -> dict[str, Any]:
    """One line of `annotations.jsonl`."""
    record: dict[str, Any] = {
        "v": LINE_VERSION,
        "seq": edit.seq,
        "time": edit.time,
        "who": edit.who,
        "image": str(edit.image),
        "action": edit.action,
        "seconds": round(edit.seconds, 3),
    }
    if edit.of is not None:
        record["of"] = edit.of
    if edit.origin:
        record["origin"] = edit.origin
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


def decode_edit(record: Mapping[str, Any]) -> Edit:
    """The inverse of `encode_edit`.

    Raises:
        KeyError, TypeError, ValueError: not an edit.
    """
    return Edit(
        seq=int(record["seq"]),
        time=float(record["time"]),
        who=str(record["who"]),
        image=ImageKey.parse(record["image"]),
        action=str(record["action"]),
        segmentation=_decode_segmentation(record) if "mask" in record else None,
        of=None if record.get("of") is None else int(record["of"]),
        seconds=float(record.get("seconds", 0.0)),
        origin=str(record.get("origin", "")),
    )


def _decode_segmentation(record: Mapping[str, Any]) -> Segmentation:
    height, width = (int(n) for n in record["shape"])
    if not (0 < height <= MAX_PIXELS and 0 < width <= MAX_PIXELS and height * width <= MAX_PIXELS):
        raise ValueError(f"{height} x {width} is no image's size")
    mask = decode_mask(record["mask"], (height, width))
    with np.errstate(over="ignore"):  # refused below
        centroids = np.asarray(record["centroids"], np.float32).reshape(-1, 2)
    if not np.isfinite(centroids).all():
        raise ValueError("a centroid is nowhere")
    runs = record.get("particles")
    return Segmentation(mask, centroids, labels=None if runs is None else decode_labels(runs, mask, len(centroids)))


def encode_verdict(verdict: Verdict) -> dict[str, Any]:
    """One line of `verdicts.jsonl`."""
    record = {"v": VERDICT_VERSION, **asdict(verdict), "image": str(verdict.image)}
    return {name: value for name, value in record.items() if value is not None or name == "judgement"}


def decode_verdict(record: Mapping[str, Any]) -> Verdict:
    """The inverse of `encode_verdict`. Where the counts say otherwise of the count than the judgement, they are right.

    Raises:
        KeyError, TypeError, ValueError: not a verdict.
    """
    judgement = None if record["judgement"] is None else Judgement(record["judgement"])
    counted, true_count = _whole_or_none(record.get("counted")), _whole_or_none(record.get("true_count"))
    return Verdict(
        seq=int(record["seq"]),
        time=float(record["time"]),
        who=str(record["who"]),
        image=ImageKey.parse(record["image"]),
        model=str(record["model"]),
        judgement=judgement and judgement.by_counts(counted, true_count),
        counts_for_rate=bool(record["counts_for_rate"]),
        step=str(record["step"]),
        counted=counted,
        true_count=true_count,
        undoes=_whole_or_none(record.get("undoes")),
        redoes=_whole_or_none(record.get("redoes")),
        seen=str(record.get("seen", "")),
    )


def encode_pair_verdict(verdict: PairVerdict) -> dict[str, Any]:
    """One line of `verdicts.jsonl` about two models."""
    record = {"v": LINE_VERSION, **asdict(verdict), "image": str(verdict.image)}
    return {name: value for name, value in record.items() if value is not None or name == "preference"}


def decode_pair_verdict(record: Mapping[str, Any]) -> PairVerdict:
    """The inverse of `encode_pair_verdict`.

    Raises:
        KeyError, TypeError, ValueError: not a verdict about two models.
    """
    preference = record["preference"]
    return PairVerdict(
        seq=int(record["seq"]),
        time=float(record["time"]),
        who=str(record["who"]),
        image=ImageKey.parse(record["image"]),
        new=str(record["new"]),
        base=str(record["base"]),
        preference=None if preference is None else Preference(preference),
        new_counted=int(record["new_counted"]),
        base_counted=int(record["base_counted"]),
        blind=bool(record["blind"]),
        new_first=bool(record["new_first"]),
        undoes=_whole_or_none(record.get("undoes")),
        redoes=_whole_or_none(record.get("redoes")),
        seen=str(record.get("seen", "")),
    )


def _verdict_decoder() -> Callable[[Mapping[str, Any]], Verdict | PairVerdict]:
    """For the lines of a log, in its order."""
    standing: dict[tuple[ImageKey, str, str], Verdict] = {}

    def decode(record: Mapping[str, Any]) -> Verdict | PairVerdict:
        if "preference" in record:
            return decode_pair_verdict(record)
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


def _whole_or_none(value: Any) -> int | None:
    return None if value is None else int(value)
