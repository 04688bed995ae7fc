"""Files that others may have written are opened in one way (formats.bytes.plain_file)."""

from __future__ import annotations

import re
from pathlib import Path

import tui_cytpix

PACKAGE = Path(tui_cytpix.__file__).parent
OPENS = re.compile(r"\.read_text\(|\.read_bytes\(|np\.load\(|\.open\(\"rb|mmap\.mmap\(|tomllib\.loads|json\.loads\(")
# Its own modules; what ships with the program; what the system itself tells; a child's answers; what was just written.
ALLOWED = {
    "core/kernel/build.py": 1,
    "formats/bytes/plain_file.py": 2,
    "formats/bytes/atomic.py": 1,
    "formats/bytes/image_decode.py": 1,
    "formats/bytes/liveness.py": 2,
    "formats/sample/hdf5/child.py": 2,
    "formats/sample/hdf5/reader_process.py": 1,
    "engine/predict/inference.py": 1,
    "manual/__init__.py": 1,
    "ui/theming.py": 2,
}


def test_no_file_is_opened_in_another_way() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): len(OPENS.findall(path.read_text("utf-8")))
        for path in PACKAGE.rglob("*.py")
        if not path.is_relative_to(PACKAGE / "base_models") and not path.is_relative_to(PACKAGE / "simulate")
    }
    assert {path: number for path, number in found.items() if number} == ALLOWED
