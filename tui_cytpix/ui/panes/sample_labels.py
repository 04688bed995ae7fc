"""The run's samples as a table: how many images each has, its labels, and what asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tui_cytpix.domain.entered_numbers import stated_pixel_size
from tui_cytpix.domain.sample import LABELS, ROLES, SampleRef, labels_of
from tui_cytpix.errors import CytpixError, SampleChangedError
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.widgets.panels.dialogue import taken_as
from tui_cytpix.ui.widgets.tables.table import Table
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.samples import channel
from tui_cytpix.workflow.samples.inspect import READABLE

MEANS = {"unit": " (what was sampled independently: its culture, donor, animal)", "tube": " (which of its unit)"}


def _columns(labels: Mapping[str, str]) -> tuple[str, ...]:
    return ("Sample", "Images", *labels.values(), "µm/px")


class SampleLabels(Table):
    """Everything about the sample under the cursor."""

    def __init__(self, screen: WorkScreen) -> None:
        super().__init__(_columns(LABELS), choose=False, id="samples")
        self._frame = screen
        self._counts: dict[str, str] = {}
        self.changed: dict[str, str] = {}  # what is wrong with samples that are not what they were

    @property
    def current(self) -> SampleRef | None:
        name = self.cursor_key
        return next((s for s in self._frame.session.run.settings.samples if s.name == name), None)

    def show(self) -> None:
        """The table, and what is said of it, from the run's state."""
        samples = self._frame.session.run.settings.samples
        rows, shown = [], labels_of(samples)
        for sample in samples:
            scale = f"{sample.um_per_px:.4g} ({sample.scale_source})" if sample.um_per_px else "unknown"
            images = self._counts.get(sample.name, "…")
            rows.append((sample.name, (sample.name, images, *(label or "–" for label in sample.labels(shown)), scale)))
        self.fill(rows, _columns(shown))
        self._frame.say_next()

    async def count_images(self) -> None:
        """Opens every sample; large archives take a while."""
        run = self._frame.session.run
        for sample in run.settings.samples:
            if sample.name not in self._counts:
                try:
                    reader = await asyncio.to_thread(run.images.reader, sample.name)
                except SampleChangedError as error:
                    self._counts[sample.name], self.changed[sample.name] = "changed", str(error)
                except CytpixError as error:
                    self._frame.report(error)
                    continue
                else:
                    self._counts[sample.name] = str(len(reader.event_ids))
                self.show()

    # Labels

    def ask_label(self, name: str) -> None:
        """Any but the role, which has a key to go round."""
        sample = self.current
        if sample is not None:
            before = str(getattr(sample, name))
            self._frame.ask(
                f"{name.capitalize()} of {sample.name}{MEANS.get(name, '')}:",
                before,
                lambda text: self._change(sample, **{name: text}),
            )

    def _change(self, sample: SampleRef, **labels: str) -> None:
        run_samples.label(self._frame.session.run, sample.name, **labels)
        self.show()

    def next_role(self) -> None:
        sample = self.current
        if sample is not None:
            following = ROLES[(ROLES.index(sample.role) + 1) % len(ROLES)] if sample.role in ROLES else ROLES[0]
            self._change(sample, role=following)

    def ask_scale(self) -> None:
        """Asks for µm/px; it may stay unknown."""
        sample = self.current
        if sample is None:
            return
        default = f"{sample.um_per_px:.4g}" if sample.um_per_px else ""
        self._frame.ask(
            f"Pixel size of {sample.name} in µm (empty: leave it as it is; 0: unknown):",
            default,
            lambda text: self._set_scale(sample, text),
        )

    def _set_scale(self, sample: SampleRef, text: str) -> None:
        if text:
            value = taken_as(stated_pixel_size)(text) or None
            run_samples.set_pixel_size(self._frame.session.run, sample.name, value)
            self.show()

    def ask_channel(self) -> None:
        sample = self.current
        if sample is not None and not sample.channel:
            self._frame.report(f"The images of {sample.name} have one channel.")
        elif sample is not None:
            self._frame.start(self._ask_channel(sample), "channels")

    async def _ask_channel(self, sample: SampleRef) -> None:
        run = self._frame.session.run
        names = await asyncio.to_thread(channel.channels_of, run, sample.name)
        listed = ", ".join(f"{number} {name}" for number, name in enumerate(names, 1))
        self._frame.ask(
            f"Channel of {sample.name}, its name or number ({listed}):",
            sample.channel,
            lambda text: self._set_channel(sample, text),
        )

    async def _set_channel(self, sample: SampleRef, text: str) -> None:
        if text:
            await asyncio.to_thread(channel.set_channel, self._frame.session.run, sample.name, text)
            self._frame.refresh_rail()
            self.show()
            await self.count_images()

    # Another sample

    def ask_path(self) -> None:
        self._frame.ask_path(f"Add the sample ({READABLE}):", self._add)

    async def _add(self, path: Path) -> None:
        added = await self._frame.in_thread(
            "Reading the sample",
            lambda _progress: run_samples.add_sample(self._frame.session.run, path),
        )
        if added is not None:
            run = self._frame.session.run
            told = await self._frame.in_thread(
                "Looking for copies",
                lambda _progress: [
                    *run_samples.problems_in_words(run, added.name),
                    *run_samples.copies_in_words(run, added.name),
                ],
            )
            self._frame.report(" ".join([f"{added.name} is added.", *(told or [])]))
            self._frame.refresh_rail()
            self.show()
            await self.count_images()
