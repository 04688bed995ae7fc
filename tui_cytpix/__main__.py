"""`tui-cytpix`: a headless verb, or the app. The one place that knows both front ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    from tui_cytpix.cli.main import run

    return run(list(sys.argv[1:] if arguments is None else arguments), _open_app)


def _open_app(paths: Sequence[str], um_per_px: float | None, channel: str, graphics: str, tour: bool) -> int:
    from tui_cytpix.ui.splash import splash

    with splash(paths):
        from tui_cytpix.ui.app import CytpixApp
        from tui_cytpix.workflow.run.given_paths import check

        check(paths, um_per_px, channel)
        app = CytpixApp(paths, graphics=graphics, um_per_px=um_per_px, channel=channel, tour=tour)
        app.ask_terminal()
    app.tidying.begin()
    app.run()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
