"""`inspect SAMPLE ...`: what samples hold."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from tui_cytpix.cli.output import Progress, note, say, say_json
from tui_cytpix.domain.sample import SampleInfo
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import CytpixError
from tui_cytpix.workflow.samples.hashes import Hashes, hashes
from tui_cytpix.workflow.samples.inspect import inspect as look

TOLD = 6  # groups of images with the same pixels


def inspect(arguments: argparse.Namespace) -> int:
    found: list[SampleInfo] = []
    hashed: dict[str, Hashes] = {}
    failures: list[dict[str, Any]] = []
    for path in arguments.samples:
        try:
            info = look(path, arguments.um_per_px)
            if arguments.hash:
                with Progress("hashing images") as progress:
                    hashed[str(path)] = hashes(path, progress)
            found.append(info)
        except CytpixError as error:
            failures.append({"path": str(path), "error": str(error)})
            note(f"tui-cytpix: {error}")
            continue
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
    events = "no FCS" if info.event_count is None else f"{info.event_count} events in the FCS"
    size = f"{info.image_shape[1]} x {info.image_shape[0]} px" if info.image_shape else "of differing sizes"
    scale = "unknown"
    if info.scale:
        source = _SOURCES.get(info.scale.source, info.scale.source)
        scale = f"{info.scale.um_per_px:.4g} um/px ({source})"
    say(info.path)
    rows = [
        ("format", info.format),
        ("images", f"{info.image_count}, {size}, {info.bit_depth} bits of gray"),
        ("events", events + (f" ({info.fcs_path})" if info.fcs_path else "")),
        ("scale", scale),
        ("cytometer", info.cytometer),
        ("image gate", info.image_gate),
        ("masks", "the instrument's own" if info.has_instrument_masks else "none"),
        ("parameters", f"{len(info.parameters)}: {', '.join(info.parameters)}" if info.parameters else "none"),
    ]
    say(*(f"  {name:<11} {value}" for name, value in rows if value))
    say(*(f"  {'problem':<11} {problem}" for problem in info.problems))
