"""Output folders as `process` leaves them, but for the results: records of tubes whose figures are stated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SPREAD = {"number": 100, "mean": 0.5, "low": 0.4, "median": 0.5, "high": 0.6}


def summary(**changes: Any) -> dict[str, Any]:
    """Of 100 images of 1000 events, which came evenly in 10 s."""
    time = {"start": 0.0, "end": 1e4, "step_s": 0.001, "events": [25] * 40, "images": [2] * 40, "multiplets": [0] * 40}
    usual = {"imaged": 100, "taken": 100, "border": 0, "events": 1000, "time": time}
    return {**usual, "confidence": SPREAD, "focus": SPREAD, "gray": {**SPREAD, "median": 400.0}, **changes}


def counts(none: int, singlets: int, coincident: int, multiplets: int) -> dict[str, dict[str, int]]:
    """Of images: those with several particles have two."""
    return {
        "ParticleCount": {"0": none, "1": singlets, "2": coincident + multiplets},
        "ObjectCount": {"0": none, "1": singlets + multiplets, "2": coincident},
        "ClumpIndexMax": {"0": none, "1": singlets + coincident, "2": multiplets},
    }


def write_record(out: Path, name: str, **changes: Any) -> None:
    out.mkdir(exist_ok=True)
    record = {
        "sample": {"name": name, "path": f"/data/{name}.acs", "um_per_px": 0.5},
        "done": True,
        "model": "cell-half",
        "images": 100,
        "counts": counts(5, 80, 5, 10),
        "summary": summary(),
        **changes,
    }
    (out / f"{name}.process.json").write_text(json.dumps(record))
