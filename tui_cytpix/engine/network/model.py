"""Models as files: weights in half precision, the architecture and thresholds in the card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.words import printable
from tui_cytpix.engine.network.network import CytNet, NetworkSettings
from tui_cytpix.engine.network.postprocess import PostSettings
from tui_cytpix.errors import ModelFileError
from tui_cytpix.formats.model.file import check_usable, read_card, read_tensors, write_model

_COUNTER = "num_batches_tracked"  # of seen batches; no file keeps it
_WAY_OUT = "Use another model, or update tui-cytpix."


@dataclass(frozen=True)
class Model:
    """A network with its card, in evaluation mode, on the CPU."""

    card: ModelCard
    net: CytNet

    @property
    def half(self) -> bool:
        """True where the network sees the image at half its resolution."""
        return self.card.resolution == "half"

    @property
    def post(self) -> PostSettings:
        return PostSettings.from_card(self.card.post)


def load_model(path: Path) -> Model:
    """Raises:
    ModelFileError: not a model file, damaged, of a network that this version doesn't run, or of none.
    """
    card = read_card(path)
    check_usable(card, path)
    if card.of_instrument:
        raise ModelFileError("There is no network to run", f"{path} stands for the instrument's own masks.", _WAY_OUT)
    tensors = read_tensors(path)
    try:
        settings = NetworkSettings.from_card(card.network)
        PostSettings.from_card(card.post)
    except (ValueError, TypeError) as error:
        raise ModelFileError("The model can't be built", f"{path}: {error}.", _WAY_OUT) from error
    with torch.device("meta"):  # takes no memory: what a card states is held against the file before it is built
        _check_fit(CytNet(settings), tensors, path)
    net = CytNet(settings)
    load_weights(net, tensors, path)
    return Model(card, net.eval())


def load_weights(net: CytNet, tensors: dict[str, NDArray[Any]], path: Path) -> None:
    """Raises:
    ModelFileError: names, shapes or values don't fit the network.
    """
    _check_fit(net, tensors, path)
    state = net.state_dict()
    for name, value in tensors.items():
        with np.errstate(over="ignore"):
            as_used = value.astype(np.float32)
        if not np.isfinite(as_used).all():
            raise _unfit(path, name)
        state[name] = torch.from_numpy(as_used)
    net.load_state_dict(state)


def _check_fit(net: CytNet, tensors: dict[str, NDArray[Any]], path: Path) -> None:
    """Raises:
    ModelFileError: names, shapes or types don't fit the network.
    """
    wanted = {name: tuple(value.shape) for name, value in net.state_dict().items() if not name.endswith(_COUNTER)}
    if odd := sorted(tensors.keys() ^ wanted.keys()):
        raise _unfit(path, odd[0])
    for name, value in tensors.items():
        if value.shape != wanted[name] or value.dtype.kind != "f":
            raise _unfit(path, name)


def _unfit(path: Path, name: str) -> ModelFileError:
    return ModelFileError("The model's weights don't fit its card", f"{path}: {printable(name)}.", _WAY_OUT)


def weights(net: CytNet) -> dict[str, NDArray[Any]]:
    """The network's weights as float32 arrays, the counters of seen batches left out."""
    return {
        name: value.detach().cpu().numpy().astype(np.float32)
        for name, value in net.state_dict().items()
        if not name.endswith(_COUNTER)
    }


def save_model(path: Path, net: CytNet, card: ModelCard) -> None:
    """Writes a model file with weights rounded to half precision."""
    write_model(path, {name: value.astype(np.float16) for name, value in weights(net).items()}, card)
