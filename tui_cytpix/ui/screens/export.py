"""Handing a model's file out."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.ui.screens.work import WorkScreen
from tui_cytpix.workflow import base_model


def ask_export(screen: WorkScreen, model: ModelEntry, question: str) -> None:
    """Asks for a place and copies the model's file there; an empty answer leaves it."""

    async def export(text: str) -> None:
        if text:
            target = await asyncio.to_thread(base_model.export_model, model, Path(text).expanduser())
            screen.report(f"Written: {target}")

    default = str(Path.cwd() / f"{model.card.name}.safetensors")
    screen.ask(question, default, lambda text: screen.start(export(text), "export"))
