"""Judgements made elsewhere, as a table: `image,judgement[,true_count]`, one line an image."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.errors import UsageError

MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Given:
    """One line. Without a judgement, `true_count` decides it."""

    image: ImageKey
    judgement: Judgement | None
    true_count: int | None


def read_judgements(path: Path) -> list[Given]:
    """Reads a CSV file with the columns `image` (SAMPLE:EVENT), `judgement` and, where stated, `true_count`.

    Raises:
        UsageError: it can't be read, or a line says nothing that can be taken.
    """
    words = ", ".join(Judgement)
    way_out = f"Columns: image (SAMPLE:EVENT), judgement ({words}), true_count; one of the last two may be empty."
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError("The judgements can't be read", f"{path}: larger than 16 MiB.", way_out)
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("The judgements can't be read", f"{path}: {error}.", way_out) from error
    found = []
    for number, row in enumerate(csv.DictReader(text.splitlines()), 2):
        try:
            judgement, count = (row.get("judgement") or "").strip(), (row.get("true_count") or "").strip()
            one = Given(
                ImageKey.parse((row.get("image") or "").strip()),
                Judgement(judgement) if judgement else None,
                int(count) if count else None,
            )
            if one.judgement is None and one.true_count is None:
                raise ValueError("neither a judgement nor a true count")
            if one.true_count is not None and not 0 <= one.true_count <= 999:
                raise ValueError(f"{one.true_count} is no count")
        except ValueError as error:
            raise UsageError("The judgements can't be read", f"{path}, line {number}: {error}.", way_out) from error
        found.append(one)
    return found
