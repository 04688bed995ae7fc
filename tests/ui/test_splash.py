"""What is shown while the app loads: on a terminal only, within its lines, and gone where opening fails."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import termios

import pytest

from tui_cytpix.ui.splash import picture, splash


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (20, 5), (1, 1), (300, 2)])
def test_it_keeps_to_the_screen(columns, rows):
    for paths in ([], ["a/s_pombe"], ["x" * 400, "b\x1b[31m"]):
        drawn = picture(paths, columns, rows)
        found = re.findall(r"\x1b\[(\d+);1H((?:\x1b\[[07]m|[^\x1b])*)", drawn)
        assert found
        for row, line in found:
            assert 1 <= int(row) <= rows
            assert len(re.sub(r"\x1b\[[07]m", "", line)) <= columns


def on_terminal(monkeypatch, work):
    """What a terminal gets when that is done under the splash, and how it ended."""
    outer, inner = pty.openpty()
    termios.tcsetwinsize(inner, (24, 80))
    ended = None
    with os.fdopen(inner, "w") as stream:
        monkeypatch.setattr(sys, "__stderr__", stream)
        try:
            with splash(["tube.acs"]):
                work()
        except BaseException as error:
            ended = error
        said = b""
        while select.select([outer], [], [], 0.2)[0]:
            said += os.read(outer, 65536)
    os.close(outer)
    return said.decode(), ended


def test_it_names_what_is_opened_and_leaves_the_screen_to_the_app(monkeypatch):
    said, ended = on_terminal(monkeypatch, lambda: None)
    assert ended is None
    assert "Opening tube.acs …" in said
    assert said.startswith("\x1b[?1049h")
    assert "\x1b[?1049l" not in said


def test_where_opening_fails_the_screen_is_given_back(monkeypatch):
    def work():
        raise KeyboardInterrupt

    said, ended = on_terminal(monkeypatch, work)
    assert isinstance(ended, KeyboardInterrupt)
    assert said.endswith("\x1b[?25h\x1b[?1049l")


def test_without_a_terminal_nothing_is_written(capfd):
    with splash(["tube.acs"]):
        pass
    assert capfd.readouterr() == ("", "")
