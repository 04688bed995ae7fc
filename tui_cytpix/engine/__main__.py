"""`python -m tui_cytpix.engine [--debug] JOB`: does what JOB/job.toml says. Exit status 0 unless the job failed."""

from __future__ import annotations

import sys
from pathlib import Path

from tui_cytpix import diagnostics
from tui_cytpix.engine.jobs.job import run_job

DEBUG = "--debug"


def main() -> int:
    arguments = [argument for argument in sys.argv[1:] if argument != DEBUG]
    if len(arguments) != 1:
        print(f"usage: python -m tui_cytpix.engine [{DEBUG}] JOB", file=sys.stderr)  # noqa: T201
        return 2
    path = Path(arguments[0])
    diagnostics.configure(f"job {path.name}", debug=DEBUG in sys.argv, stderr=True)
    return run_job(path)


if __name__ == "__main__":
    sys.exit(main())
