"""Handing a model's file out."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.workflow.base_model import library


def ask_export(screen: WorkScreen, model: ModelEntry, question: str) -> None:
    """Asks for a place and copies the model's file there; an empty answer leaves it."""

    async def export(path: Path) -> None:
        target = await asyncio.to_thread(library.export_model, model, path, replace=path.is_file())
        screen.report(f"Written: {target}")

    default = Path.cwd() / f"{model.card.name}.safetensors"
    screen.ask_file(question, default, lambda path: screen.start(export(path), "export"))
