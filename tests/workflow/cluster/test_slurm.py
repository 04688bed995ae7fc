"""What is handed to Slurm's programs."""

from __future__ import annotations

import pytest

from tui_cytpix.errors import UsageError
from tui_cytpix.workflow.cluster import slurm


@pytest.mark.parametrize("text", ["--comment='a", "--comment='a\n#SBATCH --x'"])
def test_options_that_would_break_the_script_are_refused(text):
    with pytest.raises(UsageError):
        slurm.options(text)
