"""The library's entry for the instrument's own masks: a card without weights, made by
`python -m tui_cytpix.base_models.instrument`.
"""

from __future__ import annotations

from pathlib import Path

from tui_cytpix.domain.model_card import INSTRUMENT_MASKS, ModelCard
from tui_cytpix.formats.model.file import write_model

PATH = Path(__file__).parent / "instrument.safetensors"
CARD = ModelCard(
    name="instrument",
    resolution="full",
    kind="instrument",
    description="The instrument's own masks, where a sample carries them (.acs; .rtdc and .cif for mask fit only). "
    "Judged and corrected like a model's answers; it can't be trained on: annotating can begin from it, on whatever "
    "base model.",
    counting_convention="as the instrument's software counts",
    size_cutoff_um=0.0,
    network={"architecture": INSTRUMENT_MASKS},
    licence="",
)

if __name__ == "__main__":
    write_model(PATH, {}, CARD)
