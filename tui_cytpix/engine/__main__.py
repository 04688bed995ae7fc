"""`python -m tui_cytpix.engine JOB`: does what JOB/job.toml says. Exit status 0 unless the job failed."""

from __future__ import annotations

import sys
from pathlib import Path

from tui_cytpix.engine.jobs.job import run_job


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m tui_cytpix.engine JOB", file=sys.stderr)  # noqa: T201
        return 2
    return run_job(Path(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
