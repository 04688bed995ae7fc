"""The channel that a run reads of a sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.errors import SampleError, UsageError
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run
from tui_cytpix.workflow.samples import channel, selection

STACK = np.random.default_rng(7).integers(100, 900, (5, 24, 24, 3)).astype(np.uint16)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    np.save(tmp_path / "stack.npy", STACK)
    return tmp_path / "stack.npy"


def test_it_is_kept_with_the_sample_and_read_again(stack, tmp_path):
    with run_samples.create_run(tmp_path / "r", [stack], 0.3, "2") as run:
        assert run.settings.samples[0].channel == "2"
    with Run.open(tmp_path / "r") as run:
        assert np.array_equal(run.images.read(ImageKey("stack", "4")), STACK[3, :, :, 1])
        assert channel.channels_of(run, "stack") == ("1", "2", "3")


def test_another_channel_is_another_sample(stack, tmp_path):
    with run_samples.create_run(tmp_path / "r", [stack], 0.3) as run:
        run_samples.label(run, "stack", condition="rich")
        assert np.array_equal(run.images.read(ImageKey("stack", "1")), STACK[0, :, :, 0])
        assert channel.set_channel(run, "stack", "1") == run.settings.samples[0]
        now = channel.set_channel(run, "stack", "3")
        assert (now.name, now.channel, now.condition, now.um_per_px) == ("stack-3", "3", "rich", 0.3)
        assert run.settings.samples == (now,)
        assert np.array_equal(run.images.read(ImageKey("stack-3", "1")), STACK[0, :, :, 2])
        with pytest.raises(UsageError, match="no such channel"):
            channel.set_channel(run, "stack-3", "4")
    with Run.open(tmp_path / "r") as run:
        assert np.array_equal(run.images.read(ImageKey("stack-3", "5")), STACK[4, :, :, 2])


def test_two_channels_of_one_file_are_two_samples_each_once(stack, tmp_path):
    with run_samples.create_run(tmp_path / "r", [stack], 0.3) as run:
        other = run_samples.add_sample(run, stack, 0.3, "2")
        assert other.name == "stack-2"
        with pytest.raises(SampleError, match="in the run already"):
            run_samples.add_sample(run, stack, 0.3, "2")
        with pytest.raises(SampleError, match="in the run already"):
            channel.set_channel(run, "stack", "2")


def test_images_that_are_used_keep_their_channel(stack, tmp_path):
    with run_samples.create_run(tmp_path / "r", [stack], 0.3) as run:
        selection.select(run, 50)
        assert run.settings.selection.images
        with pytest.raises(UsageError, match="used already"):
            channel.set_channel(run, "stack", "2")
        assert [sample.name for sample in run.settings.samples] == ["stack"]
