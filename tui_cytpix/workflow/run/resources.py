"""Where things lie that are not of one run: data shipped in the wheel, the user's models, settings, state."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_config_path, user_data_path

import tui_cytpix
from tui_cytpix.diagnostics import APP

PACKAGE = Path(tui_cytpix.__file__).resolve().parent


def shipped(folder: str) -> Path:
    """`themes` or `sample_runs`: inside the installed package, or beside it in a checkout."""
    inside = PACKAGE / "_data" / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def built_in_models() -> Path:
    return PACKAGE / "base_models"


def user_models() -> Path:
    """The user's models (XDG data folder)."""
    return user_data_path(APP) / "models"


def settings_file() -> Path:
    """Settings and key map (XDG config folder)."""
    return user_config_path(APP) / "settings.toml"
