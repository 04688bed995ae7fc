"""`inspect SAMPLE ...`: what samples hold."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_cytpix.cli.output import Progress, note, say, say_json, table
from tui_cytpix.domain.sample import SampleInfo
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError, UsageError
from tui_cytpix.workflow.samples.hashes import Hashes, hashes
from tui_cytpix.workflow.samples.inspect import inspect as look

if TYPE_CHECKING:
    from tui_cytpix.workflow.samples.concordance import Concordance, Formula

TOLD = 6  # groups of images with the same pixels


def inspect(arguments: argparse.Namespace) -> int:
    if arguments.concordance:
        return _concordance(arguments)
    if arguments.out is not None:
        raise UsageError("There is no report to write", "", "Give --out together with --concordance.")
    found: list[SampleInfo] = []
    hashed: dict[str, Hashes] = {}
    failures: list[dict[str, Any]] = []
    for path in arguments.samples:
        try:
            info = look(path, arguments.um_per_px, arguments.channel)
            if arguments.hash:
                with Progress("hashing images") as progress:
                    hashed[str(path)] = hashes(path, progress, arguments.channel)
            found.append(info)
        except CytpixError as error:
            failures.append({"path": str(path), "error": str(error)})
            note(f"tui-cytpix: {error}")
            continue
        if not info.readable:
            failures.append({"path": str(path), "error": "It has no image that can be read."})
            note(f"tui-cytpix: {path} has no image that can be read.")
        if not arguments.json:
            _tell(info)
            if arguments.hash:
                _tell_hashes(str(path), hashed)
    if arguments.json:
        say_json(
            {
                "samples": [_as_dict(info) | _as_plain(hashed.get(str(info.path))) for info in found],
                "failures": failures,
            }
        )
    if failures and len(arguments.samples) > 1:
        note(f"{len(failures)} of {len(arguments.samples)} samples can't be read.")
    return 1 if failures else 0


def _as_dict(info: SampleInfo) -> dict[str, Any]:
    scale = info.scale
    return {
        **asdict(info),
        "um_per_px": scale.um_per_px if scale else None,
        "um_per_px_source": scale.source if scale else None,
    }


def _as_plain(found: Hashes | None) -> dict[str, Any]:
    return {} if found is None else {"hash": asdict(found) | {"twins": found.twins()}}


def _tell_hashes(path: str, hashed: dict[str, Hashes]) -> None:
    """`path` came last."""
    found = hashed[path]
    twins = found.twins()
    different = len(set(found.digests.values()))
    rows = [
        ("fingerprint", found.fingerprint),
        ("pixels", found.pixels),
        ("", f"{len(found.digests)} images, {different} different"),
        *(("same pixels", " = ".join(map(printable, events))) for events in twins[:TOLD]),
        *([("", f"... and {len(twins) - TOLD} more")] if len(twins) > TOLD else []),
        *(
            ("copies", f"{same} of its images are in {printable(other)} too")
            for other, one in hashed.items()
            if other != path and (same := found.same(one))
        ),
    ]
    say(*(f"  {name:<11} {value}" for name, value in rows))


_SOURCES = {"given": "given", "fcs": "derived from the FCS", "file": "stated by the file"}


def _tell(info: SampleInfo) -> None:
    events = "no FCS" if info.event_count is None else f"{info.event_count} in {info.fcs_path}"
    size = f"{info.image_shape[1]} x {info.image_shape[0]} px" if info.image_shape else "of differing sizes"
    seen = f"{size}, {info.bit_depth} bits of gray" if info.readable else "none of which can be read"
    scale = "unknown"
    if info.scale:
        source = _SOURCES.get(info.scale.source, info.scale.source)
        scale = f"{info.scale.um_per_px:.4g} um/px ({source})"
    say(info.path)
    rows = [
        ("format", info.format),
        ("images", f"{info.image_count}, {seen}"),
        ("channels", _channels(info)),
        ("events", events),
        ("scale", scale),
        ("volume", _volume(info)),
        ("cytometer", info.cytometer),
        ("image gate", info.image_gate),
        ("masks", "the instrument's own" if info.has_instrument_masks else "none"),
        ("parameters", f"{len(info.parameters)}: {', '.join(info.parameters)}" if info.parameters else "none"),
    ]
    say(*(f"  {name:<11} {value}" for name, value in rows if value))
    say(*(f"  {'problem':<11} {problem}" for problem in info.problems))


def _volume(info: SampleInfo) -> str:
    if info.volume is None:
        return ""
    ul, source = info.volume.ul, info.volume.source
    if ul is None:
        return f"unknown: {source}"
    return f"{ul / 1000:.4g} ml ({source})" if ul >= 1000 else f"{ul:.4g} µl ({source})"


def _channels(info: SampleInfo) -> str:
    return ", ".join(f"{name} (read)" if name == info.channel else name for name in info.channels)


def _concordance(arguments: argparse.Namespace) -> int:
    """What is printed on stdout as JSON, and what is written, is anonymous; failures name files, on stderr."""
    from tui_cytpix.workflow.run.refuse_existing import refuse_existing
    from tui_cytpix.workflow.samples.concordance import concordance
    from tui_cytpix.workflow.samples.concordance_report import report, write_report

    if arguments.out is not None:
        refuse_existing(arguments.out)
    found: list[Concordance] = []
    failed = 0
    for path in arguments.samples:
        try:
            with Progress("comparing images") as progress:
                found.append(concordance(path, arguments.um_per_px, arguments.images, arguments.seed, progress))
        except CytpixError as error:
            failed += 1
            note(f"tui-cytpix: {error}")
            continue
        if found[-1].bad:
            note(f"{found[-1].bad} of {found[-1].drawn} images are left out. The first: {found[-1].why}")
        if not arguments.json:
            _tell_concordance(path, found[-1])
    if arguments.json:
        say_json(report(found))
    if arguments.out is not None and found:
        write_report(arguments.out, found)
        note(f"{arguments.out}: an anonymous report. {report(found)['contains']}")
    return 1 if failed else 0


def _tell_concordance(path: Path, found: Concordance) -> None:
    left_out = [
        *([f"{found.unprocessed} not processed by the instrument"] if found.unprocessed else []),
        *([f"{found.without_masks} without masks"] if found.without_masks else []),
        *([f"{found.bad} damaged"] if found.bad else []),
    ]
    rows: list[tuple[str, ...]] = []
    for one in found.parameters:
        ours, better = one.ours, one.best
        rows.append((one.name, *_figures(ours)))
        if better.words != ours.words:
            others = f" (or {len(one.alike)} as good)" if one.alike else ""
            rows.append(("", *_figures(better)[:-1], f"{better.words}{others}"))
    header = ("parameter", "fit", "n", "slope", "intercept", "bias", "limits of agreement", "formula")
    say(
        path,
        f"  {found.compared} of {found.images} images, drawn at random (seed {found.seed})"
        + (f"; left out: {', '.join(left_out)}" if left_out else ""),
        "",
        *table(header, rows),
        "",
        "Instrument against formula, on the instrument's masks: least squares line; bias and limits of agreement of",
        "instrument less formula. Fit: equal (but for rounding), line (another unit, gain or offset), close, other.",
        "Where another formula fits better than ours, it stands below ours.",
        *([f"Not compared: {', '.join(found.not_compared)}."] if found.not_compared else []),
    )


def _figures(formula: Formula) -> tuple[str, ...]:
    one = formula.comparison
    numbers = [_number(value) for value in (one.slope, one.intercept, one.bias)]
    limits = f"{_number(one.low)} to {_number(one.high)}"
    return one.fit, str(one.n), *numbers, limits, formula.words


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"
