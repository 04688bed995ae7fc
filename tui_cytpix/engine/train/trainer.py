"""Training on arrays: one epoch at a time, the whole state in one dictionary."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tui_cytpix.domain.jobs.training import LEAST_VIEWS
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.engine.network.model import Model
from tui_cytpix.engine.network.network import CytNet, channels_last
from tui_cytpix.engine.network.postprocess import PostSettings
from tui_cytpix.engine.predict.inference import Predictor, has_bf16
from tui_cytpix.engine.train.accuracy import Accuracy, accuracy
from tui_cytpix.engine.train.augment import Augmentation
from tui_cytpix.engine.train.dataset import Example, batches, crop_size
from tui_cytpix.engine.train.loss import loss

LEAST_SHARE = 0.25  # of the smallest annotated object's pixels
# Threads are started once: Python waits for ever for the start of one for which there is no memory.
_LOOKERS = ThreadPoolExecutor(2, "look")
_DECAY = 1e-3  # of the weights towards 0 (AdamW)
# A step, besides those of annotated images (engine.train.rehearsal): of a built-in base, and of a user's.
_REHEARSED_VIEWS, _REHEARSED_OF_USERS = 1, 2
KEPT_OF_USERS = 0.25  # of a user's base's weights
_MOMENTS = {"step": False, "exp_avg": True, "exp_avg_sq": True}  # Adam's; whether as large as the parameter
_REHEARSAL = 1  # keeps its views' random numbers apart from the others'


@dataclass(frozen=True)
class FitSettings:
    """How to train.

    Attributes:
        rate: of Adam, reached after `warm_up` steps and then constant, so that adding epochs changes nothing before.
        pull: of the weights towards the base's (L2-SP: Li, Grandvalet, Davoine 2018), as a share of the rate.
        batch: views of annotated images in a step.
        views_per_epoch: at least so many views an epoch, each image equally often.
        average: share of the averaged weights that a step keeps; the averaged weights are the model.
        crop: edge of the views, px; 0 takes it from the images.
        total_steps: where given, the rate falls to 0 over so many steps, along a cosine.
    """

    rate: float = 1.5e-3
    warm_up: int = 20
    pull: float = 1.0
    batch: int = 8
    views_per_epoch: int = LEAST_VIEWS
    average: float = 0.98
    crop: int = 0
    total_steps: int = 0
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(another=0.3, another_long=0.7))


class Trainer:
    """Fine-tunes a model. The views of epoch n depend on the seed and n only: there is no random state to keep.

    `rehearsed`, which is nothing at first, is what the base was trained on, to be gone over again. Where the base is a
    user's own model, the model lies on the line between its weights and the averaged ones, `KEPT_OF_USERS` of the way
    back (WiSE-FT: Wortsman and others 2022, arXiv 2109.01903): it then keeps more of what no rehearsal shows.
    """

    def __init__(self, base: Model, settings: FitSettings, seed: int, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")
        self.settings, self.seed, self.epoch, self.steps = settings, seed, 0, 0
        self.base = base
        self.rehearsed: Sequence[Example] = ()
        self._most_noise = base.post.least_px if base.card.user_trained else math.inf
        self._again = _REHEARSED_OF_USERS if base.card.user_trained else _REHEARSED_VIEWS
        self.net = channels_last(copy.deepcopy(base.net)).to(self.device)
        self.averaged = copy.deepcopy(base.net).to(self.device).eval()
        self._start = [p.detach().clone() for p in self.net.parameters()] if settings.pull else []
        self._fast = has_bf16(self.device)
        self._maker = ThreadPoolExecutor(1, "views")  # makes the next ones while the network learns from these
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=settings.rate, weight_decay=_DECAY)

    def train_epoch(self, examples: Sequence[Example], check: Callable[[], object] = lambda: None) -> float:
        """One epoch on the training images; returns the mean loss. What `check`, asked before each step, raises ends it
        there; the trainer is then of no more use.
        """
        self.epoch += 1
        self._learn_noise(examples)
        self.net.train()
        epoch = self._views(examples)
        losses = []
        coming = self._maker.submit(next, epoch, None)
        while (view := coming.result()) is not None:
            coming = self._maker.submit(next, epoch, None)
            check()
            losses.append(self._step(view))
        return float(np.mean(losses))

    def _views(self, examples: Sequence[Example]) -> Iterator[Tensor]:
        chosen = self.settings
        size = chosen.crop or crop_size(examples)
        views = max(1, -(-chosen.views_per_epoch // len(examples)))
        annotated = batches(examples, size, views, chosen.batch, chosen.augmentation, (self.seed, self.epoch))
        if not self.rehearsed:
            return annotated
        steps = -(-views * len(examples) // chosen.batch)
        rounds = -(-steps * self._again // len(self.rehearsed))
        again = (self.seed, self.epoch, _REHEARSAL)
        known = batches(self.rehearsed, size, rounds, self._again, chosen.augmentation, again)
        return (torch.cat(both) for both in zip(annotated, known, strict=False))

    def _learn_noise(self, examples: Sequence[Example]) -> None:
        """What is far smaller than anything annotated is noise, also where no scale is known for a size cutoff. What a
        user's base takes for cells is none.
        """
        sizes = [example.smallest_px for example in examples if example.smallest_px is not None]
        if sizes:
            least = min(self._most_noise, max(PostSettings.least_px, LEAST_SHARE * min(sizes)))
            self.base = replace(
                self.base, card=replace(self.base.card, post={**self.base.card.post, "least_px": least})
            )

    def _step(self, view: Tensor) -> float:
        self.steps += 1
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        view = view.to(self.device)
        if self.base.half:
            view = torch.nn.functional.avg_pool2d(view, 2)
        gray = view[:, :1].contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._fast):
            outputs = self.net(gray)
        value = loss(outputs.float(), view[:, 1:])
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self._pull()
        self._average()
        return float(value.detach())

    @property
    def rate(self) -> float:
        rate = self.settings.rate * min(1.0, self.steps / self.settings.warm_up)
        if self.settings.total_steps:
            rate *= 0.5 * (1 + math.cos(math.pi * min(1.0, self.steps / self.settings.total_steps)))
        return rate

    @torch.no_grad()
    def _pull(self) -> None:
        if self.settings.pull:
            share = self.settings.pull * self.rate
            for value, start in zip(self.net.parameters(), self._start, strict=True):
                value.lerp_(start, share)

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.settings.average, (1 + self.steps) / (10 + self.steps))
        current = self.net.state_dict()
        for name, value in self.averaged.state_dict().items():
            if value.is_floating_point():
                value.mul_(keep).add_(current[name], alpha=1 - keep)

    def model(self) -> Model:
        """The model as it is now, under the base's card: the averaged weights, or, of a user's base, a mixture."""
        net = CytNet(self.base.net.settings)
        net.load_state_dict(self._mixed().state_dict())
        return replace(self.base, net=net.eval())

    def predictor(self) -> Predictor:
        return Predictor(replace(self.base, net=self._mixed()), self.device)

    def _mixed(self) -> CytNet:
        if not self.base.card.user_trained:
            return self.averaged
        net, state = copy.deepcopy(self.averaged), self.averaged.state_dict()
        for name, value in self.base.net.state_dict().items():
            if value.is_floating_point():
                state[name] = torch.lerp(state[name], value.to(self.device), KEPT_OF_USERS)
        net.load_state_dict(state)
        return net

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that the next epoch depends on, as arrays: weights, averaged weights, Adam's moments, counters."""
        arrays: dict[str, Tensor] = {}
        for prefix, net in (("net", self.net), ("averaged", self.averaged)):
            arrays |= {f"{prefix}.{name}": value for name, value in net.state_dict().items()}
        for i, moments in self.optimiser.state_dict()["state"].items():
            arrays |= {f"adam.{i}.{name}": value for name, value in moments.items()}
        state: dict[str, NDArray[Any]] = {k: v.detach().cpu().contiguous().numpy().copy() for k, v in arrays.items()}
        state["counters"] = np.array([self.epoch, self.steps], np.int64)
        return state

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """The inverse of `state`.

        Raises:
            ValueError: the state is of another network, or incomplete.
        """
        try:
            for prefix, net in (("net", self.net), ("averaged", self.averaged)):
                own = {k.removeprefix(f"{prefix}."): v for k, v in state.items() if k.startswith(f"{prefix}.")}
                net.load_state_dict({name: _restored(name, value) for name, value in own.items()})
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in state.items():
                if key.startswith("adam."):
                    _, i, name = key.split(".")
                    moments.setdefault(int(i), {})[name] = _restored(key, value)
            self._check_moments(moments)
            self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
            self.epoch, self.steps = (int(n) for n in state["counters"])
        except (KeyError, RuntimeError, TypeError, OverflowError) as error:
            raise ValueError(str(error).splitlines()[0]) from error
        if min(self.epoch, self.steps) < 0:
            raise ValueError("it counts fewer than no epochs")

    def _check_moments(self, moments: Mapping[int, Mapping[str, Tensor]]) -> None:
        """The optimiser takes whatever it is given, and fails at its next step."""
        wanted = [one.shape for group in self.optimiser.param_groups for one in group["params"]]
        for place, own in moments.items():
            if not 0 <= place < len(wanted) or own.keys() != _MOMENTS.keys():
                raise ValueError(f"the optimiser has no parameter {place}, or not all of it is there")
            if any(value.shape != (wanted[place] if _MOMENTS[name] else ()) for name, value in own.items()):
                raise ValueError(f"the optimiser's parameter {place} is of another size")


def _restored(name: str, value: NDArray[Any]) -> Tensor:
    with np.errstate(over="ignore"):
        usable = value.dtype.kind in "iuf" and np.isfinite(value.astype(np.float32)).all()
    if not usable:
        raise ValueError(f"{name} holds something else than numbers")
    return torch.from_numpy(np.array(value))


def look(predictor: Predictor, examples: Sequence[Example]) -> tuple[Accuracy, list[Segmentation]]:
    """The accuracy (TA or VA) on these images, and what was predicted; the size cutoff applies to both sides."""

    def answers(part: Sequence[Example]) -> list[Segmentation]:
        grays, cutoffs, zooms = ([e.gray for e in part], [e.cutoff_px for e in part], [e.zoom for e in part])
        return [found for found, _ in predictor.predict_normalised(grays, cutoffs, zooms)]

    half = -(-len(examples) // 2)
    predicted = list(itertools.chain(*_LOOKERS.map(answers, (examples[:half], examples[half:]))))
    return accuracy(zip(predicted, (e.wanted for e in examples), strict=True)), predicted
