"""The ONNX job: a model's network for other programs. Needs the extra `onnx`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch

from tui_cytpix.domain.jobs.events import Finished
from tui_cytpix.domain.jobs.specs import OnnxSpec
from tui_cytpix.engine.jobs.job import Job
from tui_cytpix.engine.network.model import Model, load_model
from tui_cytpix.errors import ModelFileError
from tui_cytpix.formats.bytes.atomic import replacing
from tui_cytpix.formats.model.file import CARD_KEY

LARGEST = 4096  # px of an image's edge


def run(job: Job, spec: OnnxSpec) -> None:
    """Writes `out`.

    Raises:
        CytpixError: the model can't be read, or the exporter is not installed.
    """
    model = load_model(Path(spec.model))
    job.start_torch()
    write_onnx(model, Path(spec.out))
    job.emit(Finished())


def write_onnx(model: Model, path: Path) -> None:
    """The network as ONNX: `gray`, float32 (n, 1, h, w), normalised as `core.images.normalise` does it (half-resolution
    models see the mean of 2 x 2 pixels), h and w multiples of `net.multiple`; `logits`, float32 (n, M, h, w), the
    foreground before the logistic function and what tells particles apart (engine.network.flows). The card is in its
    metadata, as in a model file.

    Raises:
        ModelFileError: torch's exporter lacks `onnx` or `onnxscript`.
    """
    step = model.net.multiple
    n, h, w = (torch.export.Dim(name, min=1, max=LARGEST // step) for name in "nhw")
    try:
        program = torch.onnx.export(
            model.net,
            (torch.zeros(2, 1, 4 * step, 5 * step),),
            dynamo=True,
            input_names=["gray"],
            output_names=["logits"],
            dynamic_shapes={"x": {0: n, 2: step * h, 3: step * w}},
            verbose=False,
        )
    except ImportError as error:
        raise ModelFileError(
            "ONNX can't be written", f"{error.name} is not installed.", "Install it: pip install 'tui-cytpix[onnx]'."
        ) from error
    assert program is not None
    program.model.metadata_props[CARD_KEY] = json.dumps(asdict(model.card), sort_keys=True)
    with replacing(path) as aside:
        program.save(aside)
