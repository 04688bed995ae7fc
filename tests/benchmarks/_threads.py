"""One thread for each process, so that processor seconds compare and neighbours don't wait for each other."""

from __future__ import annotations

import os


def one_thread() -> None:
    """For this process and those that it starts."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
