"""Many small tubes, and what an output folder holds of them, for tests of whole batches."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tui_cytpix.simulate import write

IMAGES = 6
_WRITTEN = re.compile(rb"\d\d-[A-Z]{3}-\d{4} \d\d:\d\d:\d\d\.\d\d")


def small_tubes(folder: Path, number: int) -> list[dict[str, Any]]:
    """Simulated tubes of six images, as a process job's specification names them."""
    found = []
    for seed in range(number):
        path = folder / f"t{seed}.acs"
        write("leukocytes", path, IMAGES, "acs", seed)
        found.append({"name": f"t{seed}", "path": str(path)})
    return found


def contents(out: Path) -> dict[str, bytes]:
    """All files of an output folder, by their names, but for the times at which they were written."""
    found = {}
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        name, content = str(path.relative_to(out)), path.read_bytes()
        if name.startswith(".job/") and re.match(r"\.job/\d+-process/", name):
            continue  # what the jobs said
        if name.endswith("process.json"):
            content = json.dumps(_timeless(json.loads(content))).encode()
        if name.endswith(".fcs"):
            content = _WRITTEN.sub(b"", content)
        found[name] = content
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key != "time"}
    return [_timeless(one) for one in value] if isinstance(value, list) else value
