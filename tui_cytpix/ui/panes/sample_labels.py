"""The half of step 3's screen that labels samples and adds them."""

from __future__ import annotations

from pathlib import Path

from tui_cytpix.domain.sample import SampleRef
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.workflow.run import run_samples

ROLES = ("research", "training", "evaluation")


class SampleLabels(WorkScreen):
    """Everything about the sample under the cursor."""

    @property
    def current(self) -> SampleRef | None:
        """The sample under the cursor."""
        return None

    def show_samples(self) -> None:
        """The table and the words from the run's state."""

    async def count_images(self) -> None:
        """Fills in how many images each sample has."""

    def _label(self, name: str, question: str) -> None:
        sample = self.current
        if sample is None:
            return
        before = str(getattr(sample, name))
        self.ask(f"{question} of {sample.name}:", before, lambda text: self._change(sample, **{name: text}))

    def _change(self, sample: SampleRef, **labels: str) -> None:
        run_samples.label(self.session.run, sample.name, **labels)
        self.show_samples()

    def action_condition(self) -> None:
        """Culture condition, treatment, genotype."""
        self._label("condition", "Condition")

    def action_replicate(self) -> None:
        """Which replicate."""
        self._label("replicate", "Replicate")

    def action_day(self) -> None:
        """Which day."""
        self._label("day", "Day")

    def action_role(self) -> None:
        """The next role."""
        sample = self.current
        if sample is not None:
            following = ROLES[(ROLES.index(sample.role) + 1) % len(ROLES)] if sample.role in ROLES else ROLES[0]
            self._change(sample, role=following)

    def action_scale(self) -> None:
        """Asks for µm/px; it may stay unknown."""
        sample = self.current
        if sample is None:
            return
        default = f"{sample.um_per_px:.4g}" if sample.um_per_px else ""
        self.ask(
            f"Pixel size of {sample.name} in µm (empty: leave it as it is; 0: unknown):",
            default,
            lambda text: self._set_scale(sample, text),
        )

    def _set_scale(self, sample: SampleRef, text: str) -> None:
        if text:
            try:
                value = float(text.replace(",", "."))
            except ValueError:
                self.report(f"{text!r} is no number.")
                return
            run_samples.set_scale(self.session.run, sample.name, value or None)
            self.show_samples()

    def action_add(self) -> None:
        """Asks for a path."""
        question = "Add the sample (.acs, image folder or zip, FCS):"
        self.ask(question, "", lambda text: self.start(self._add(text), "add"))

    async def _add(self, text: str) -> None:
        if not text:
            return
        added = await self.in_thread(
            "Reading the sample",
            lambda _progress: run_samples.add_sample(self.session.run, Path(text).expanduser()),
        )
        if added is not None:
            self.report(f"{added.name} is added.")
            self.refresh_rail()
            self.show_samples()
            await self.count_images()
