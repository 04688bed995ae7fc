"""Trains StarDist or Cellpose 3 on some crops and answers others; runs under an interpreter that has them.

    PYTHON _peer_worker.py stardist|cellpose IN.npz OUT.npz --seed N --cpu-seconds S

In: `train_image_N`, `train_labels_N`, `test_image_N`, and `frame_N`, which are only timed. Out: `labels_N` of each test
image, `training_s`, `answering_s` (CPU seconds of the one thread, which a busy machine does not lengthen),
`frames_per_s`, `steps`, `losses` (each epoch's: of validation for StarDist, of training for Cellpose) and `ended`.
Imports NumPy and the peer, nothing of this project.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Images = list[np.ndarray]
HELD_OUT = 5  # StarDist keeps its best weights by every fifth crop
STARDIST_STEPS, STARDIST_EPOCHS, STARDIST_PATIENCE = 10, 400, 60
STARDIST_PATCH = 64
MOST_FRAME_SECONDS = 60.0
CELLPOSE_TILE, CELLPOSE_EPOCHS, CELLPOSE_FEWEST = 112, 500, 60


@dataclass(frozen=True)
class Trained:
    """`answer` takes an image and gives its label image."""

    answer: Callable[[np.ndarray], np.ndarray]
    losses: list[float]
    steps: int
    ended: str


def stardist(images: Images, labels: Images, seed: int, cpu_seconds: float) -> Trained:
    """Its default network, loss, optimiser, rate and ReduceLROnPlateau, with the augmentation of its examples.

    Patches are of 64 px, not 256 px, and epochs of 10 steps, not 100, as the crops are small and few. It ends when the
    loss of the held-out crops has not improved for 60 epochs, after 400, or when its CPU time is used up; the best
    epoch's weights stay.
    """
    import tensorflow as tf
    from csbdeep.utils import normalize
    from stardist.models import Config2D, StarDist2D

    tf.keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    config = Config2D(
        n_rays=32,
        grid=(1, 1),
        n_channel_in=1,
        train_patch_size=(STARDIST_PATCH,) * 2,
        train_epochs=STARDIST_EPOCHS,
        train_steps_per_epoch=STARDIST_STEPS,
        train_tensorboard=False,
    )
    ready = [
        (_padded(normalize(image, 1, 99.8), "edge"), _padded(mask, "constant"))
        for image, mask in zip(images, labels, strict=True)
    ]
    held_out = ready[HELD_OUT - 1 :: HELD_OUT]
    training = [pair for k, pair in enumerate(ready) if k % HELD_OUT != HELD_OUT - 1]
    start = time.process_time()

    class Limit(tf.keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            if time.process_time() - start > cpu_seconds:
                self.model.stop_training = True

    with tempfile.TemporaryDirectory() as aside:
        model = StarDist2D(config, name="peer", basedir=aside)
        model.prepare_for_training()
        model.callbacks += [tf.keras.callbacks.EarlyStopping("val_loss", patience=STARDIST_PATIENCE), Limit()]
        history = model.train(
            *(list(part) for part in zip(*training, strict=True)),
            validation_data=tuple(list(part) for part in zip(*held_out, strict=True)),
            augmenter=lambda image, mask: _augmented(image, mask, rng),
            seed=seed,
        )
        model.optimize_thresholds(*(list(part) for part in zip(*held_out, strict=True)))
    losses = [float(v) for v in history.history["val_loss"]]
    rested = len(losses) - 1 - int(np.argmin(losses))
    ended = "plateau" if rested >= STARDIST_PATIENCE else "all epochs" if len(losses) == STARDIST_EPOCHS else "CPU time"
    return Trained(
        lambda image: model.predict_instances(normalize(image, 1, 99.8), verbose=False)[0],
        losses,
        len(losses) * STARDIST_STEPS,
        ended,
    )


def _padded(image: np.ndarray, mode: Any) -> np.ndarray:
    """At least as large as a patch."""
    short = [max(0, STARDIST_PATCH - side) for side in image.shape]
    return np.pad(image, [(s // 2, s - s // 2) for s in short], mode=mode)


def _augmented(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Turns, flips, gain, offset and noise, of the strengths in StarDist's training example."""
    turns, flip = int(rng.integers(4)), rng.random() < 0.5
    image, mask = (np.rot90(part, turns) for part in (image, mask))
    if flip:
        image, mask = image[::-1], mask[::-1]
    image = image * rng.uniform(0.6, 2) + rng.uniform(-0.2, 0.2)
    return image + 0.02 * rng.random() * rng.standard_normal(image.shape), np.ascontiguousarray(mask)


def cellpose(images: Images, labels: Images, seed: int, cpu_seconds: float) -> Trained:
    """`train_seg` as it comes (AdamW, rate, decay, schedule), from random weights, on all crops.

    Tiles are of 112 px, not 224 px, which the crops would fill to a fifth: four times as many epochs in the same time.
    Crops with fewer than five particles count, which its default leaves out. 500 epochs, what its command line does, or
    as many as the CPU time allows; its schedule lowers the rate in the last 50 or 100.
    """
    import torch
    from cellpose import models, train

    torch.set_num_threads(1)

    def fit(epochs: int) -> tuple[Any, np.ndarray]:
        torch.manual_seed(seed)
        model = models.CellposeModel(gpu=False, pretrained_model=False)
        with tempfile.TemporaryDirectory() as aside:
            losses = train.train_seg(
                model.net,
                train_data=images,
                train_labels=[mask.astype(np.uint16) for mask in labels],
                channels=[0, 0],
                min_train_masks=1,
                bsize=CELLPOSE_TILE,
                n_epochs=epochs,
                save_path=aside,
            )[1]
        return model, losses

    fit(1)  # compiles
    start = time.process_time()
    fit(3)
    pace = (time.process_time() - start) / 3
    epochs = int(np.clip(cpu_seconds / pace, CELLPOSE_FEWEST, CELLPOSE_EPOCHS))
    print(f"{pace:.1f} CPU s an epoch, {epochs} epochs", flush=True)
    model, losses = fit(epochs)
    diameter = float(model.net.diam_labels.item())
    return Trained(
        lambda image: model.eval(image, diameter=diameter, channels=[0, 0])[0],
        [float(v) for v in losses],
        epochs * -(-len(images) // 8),
        "all epochs" if epochs == CELLPOSE_EPOCHS else "CPU time",
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=["stardist", "cellpose"])
    parser.add_argument("given")
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cpu-seconds", type=float, required=True)
    given = parser.parse_args()
    with np.load(given.given) as data:
        arrays = dict(data)

    def numbered(name: str) -> Images:
        return [arrays[f"{name}_{k}"] for k in range(sum(key.startswith(f"{name}_") for key in arrays))]

    fit = stardist if given.peer == "stardist" else cellpose
    start = time.process_time()
    trained = fit(numbered("train_image"), numbered("train_labels"), given.seed, given.cpu_seconds)
    training = time.process_time() - start
    start = time.process_time()
    answers = [trained.answer(image) for image in numbered("test_image")]
    answering = time.process_time() - start
    frames, seconds = 0, 0.0
    start = time.process_time()
    for frame in numbered("frame"):
        if seconds < MOST_FRAME_SECONDS:
            trained.answer(frame)
            frames, seconds = frames + 1, time.process_time() - start
    np.savez_compressed(
        given.out,
        training_s=training,
        answering_s=answering,
        frames_per_s=frames / max(seconds, 1e-9),
        steps=trained.steps,
        losses=trained.losses,
        ended=trained.ended,
        **{f"labels_{k}": np.asarray(answer, np.uint16) for k, answer in enumerate(answers)},
    )


if __name__ == "__main__":
    main()
