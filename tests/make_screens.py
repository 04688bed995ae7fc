"""Writes the pictures of the screens from the sample run: `python -m tests.make_screens [.github/screens]`."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.workflow.run.recent_runs import copy_sample_run
from tui_cytpix.workflow.run.resources import PACKAGE
from tui_cytpix.workflow.run.run import Run

SIZE = (110, 32)
SCREENS = {
    "1-assess": ("assess", ()),
    "2-base-model": ("base_model", ()),
    "3-samples": ("samples", ("v",)),
    "4-annotate": ("train", ("a", "n")),
    "4-train": ("train", ()),
    "5-evaluate": ("evaluate", ()),
    "5-explore": ("evaluate", ("E", "L", "i")),
}
SETTLE_SECONDS = 3.0


async def picture(run: Path, step: str, keys: tuple[str, ...]) -> str:
    """The screen of a step after some keys, as SVG."""
    with Run.open(run) as opened:
        opened.update(replace(opened.settings, step=step))
    app = CytpixApp([run], graphics="quadrant")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(SETTLE_SECONDS)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(SETTLE_SECONDS)
        return app.export_screenshot(title="tui-cytpix")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as aside:
        os.environ["COLORTERM"] = "truecolor"
        for name in ("DATA", "CONFIG", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = aside
        run = copy_sample_run("s_pombe", Path(aside) / "s_pombe")
        for name, (step, keys) in SCREENS.items():
            # Rich's export links web fonts; pictures of ours load nothing.
            svg = re.sub(r"@font-face \{.*?\}\s*", "", asyncio.run(picture(run, step, keys)), flags=re.S)
            svg = svg.replace(aside, "~").replace(str(PACKAGE.parent), "~")
            (folder / f"{name}.svg").write_text(svg, "utf-8")
            print(folder / f"{name}.svg", len(svg) // 1024, "kB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".github/screens"))
