"""Measures the built-in models on the real sets, as they come, and writes the figures into their cards.

    python -m tests.benchmarks cards [general-full ...]

No model was trained on a real image; the figures are there so that a card says how far simulation carries.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from tests.benchmarks._cells import REAL, load
from tests.benchmarks._fitting import BASE_MODELS, compared, fit_and_answer
from tui_cytpix.core.statistics.model_scores import summarise
from tui_cytpix.domain.model_card import FIGURES
from tui_cytpix.engine.network.model import load_model, save_model

MEASURES = ("images", *FIGURES)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="cards")
    parser.add_argument("models", nargs="*", default=sorted(path.stem for path in BASE_MODELS.glob("*.safetensors")))
    given = parser.parse_args(arguments)
    print(f"| model | set | {' | '.join(MEASURES)} |\n|{' --- |' * (len(MEASURES) + 2)}")
    for name in given.models:
        path = BASE_MODELS / f"{name}.safetensors"
        model, measured = load_model(path), {}
        for data in REAL:
            crops = load(data)
            summary = summarise(compared(fit_and_answer(name, [], crops, 0), crops))
            figures = {m: round(value, 3) if isinstance(value := summary[m], float) else value for m in MEASURES}
            measured[f"real {data}"] = figures
            print(f"| {name} | {data} | {' | '.join(str(v) for v in figures.values())} |", flush=True)
        card = replace(model.card, measured={**model.card.measured, **measured})
        save_model(path, model.net, card)
    return 0
