"""What nvidia-smi says of a GPU while something works there: memory taken, share of time with a kernel at work."""

from __future__ import annotations

import subprocess
import threading
import time
from types import TracebackType
from typing import Self

import numpy as np

EVERY_MS = 200
COMMAND = ("nvidia-smi", "--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits", "-i", "0")


class GpuWatch:
    """Looks at the first GPU five times a second, within `with`; sees nothing where there is no nvidia-smi."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, float, float]] = []  # clock's time, MiB, % at work

    def __enter__(self) -> Self:
        try:
            self._child = subprocess.Popen(
                [*COMMAND, "-lms", str(EVERY_MS)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError:
            self._child = None
            return self
        threading.Thread(target=self._read, daemon=True).start()
        deadline = time.monotonic() + 5
        while not self._seen and time.monotonic() < deadline and self._child.poll() is None:
            time.sleep(0.05)  # the first look tells what was taken before
        return self

    def _read(self) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        for line in self._child.stdout:
            try:
                memory, share = (float(part) for part in line.split(","))
            except ValueError:
                continue
            self._seen.append((time.time(), memory, share))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def mebibytes(self) -> str:
        """The most that was taken, beyond what was at first."""
        taken = [memory for _, memory, _ in self._seen]
        return f"{max(taken) - taken[0]:.0f}" if taken else "?"

    def at_work(self, since: float, until: float) -> str:
        """The mean share of the time between, in %."""
        shares = [share for at, _, share in self._seen if since <= at <= until]
        return f"{np.mean(shares):.0f} %" if shares else "?"
