"""How networks tell particles apart, by architecture: what they are taught beside the foreground, how it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tui_cytpix.engine.cones import Cones
from tui_cytpix.engine.flows import Flows
from tui_cytpix.engine.postprocess import PostSettings
from tui_cytpix.engine.scene import Scene

Maps = NDArray[np.float32]  # (M, h, w): the foreground's probability, then what tells particles apart


class Representation(Protocol):
    """One way to tell particles apart."""

    def taught(self, scene: Scene, matrix: NDArray[np.float64], size: int) -> Sequence[NDArray[np.float32]]:
        """What a view of a scene teaches: maps, float32 (size, size) each, the last one the weight of each pixel.

        Args:
            matrix: 2 x 3, from (x, y) of the scene to the view's.
        """
        ...

    def loss(self, outputs: Tensor, taught: Tensor) -> Tensor:
        """What training lowers beside the foreground's loss.

        Args:
            outputs: (N, M - 1, H, W), the network's without the foreground.
            taught: (N, T, H, W), the maps of `taught`; where the view shows no image the last one is 0.
        """
        ...

    def read(self, outputs: Maps) -> Maps:
        """The network's outputs (M, h, w) as maps: those that are logits become probabilities."""
        ...

    def belief(self, maps: Maps, inside: NDArray[np.bool_]) -> float:
        """How much the network believes in an object, bool (h, w): to be compared with others of its image."""
        ...

    def particles(
        self, maps: Maps, inside: NDArray[np.bool_], settings: PostSettings, px: float
    ) -> tuple[NDArray[np.uint16] | None, float]:
        """The particles of an object.

        Args:
            px: of the image, per pixel of the network's input.

        Returns:
            Labels (h, w), 1..K, None where it is one particle; and the doubt in 0..1 of the least clear decision.
        """
        ...


OF: dict[str, Representation] = {"two-head-unet": Cones(), "flow-unet": Flows()}
