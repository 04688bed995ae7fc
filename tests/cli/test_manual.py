"""The verb that shows the manual."""

from __future__ import annotations

import sys

import pytest

from tui_cytpix.manual import CONTENTS, pages, read_page


@pytest.mark.parametrize("page", [*pages(), "steps.md"])
def test_every_page_is_printed_as_it_is(page, run_main):
    assert run_main("manual", page) == (0, read_page(page), "")


def test_without_a_page_the_list_is_printed(run_main):
    status, out, _ = run_main("manual")
    assert (status, out) == (0, read_page(CONTENTS))
    assert all(f"[{name}]" in out and line in out for name, line in pages().items())


def test_an_unknown_page_is_wrong_usage(run_main):
    status, out, err = run_main("manual", "chapters")
    assert (status, out) == (2, "")
    assert "'chapters'" in err
    assert all(name in err for name in pages())


def test_on_a_terminal_it_is_laid_out(run_main, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    status, out, _ = run_main("manual", "keys")
    assert status == 0
    assert "Keys that decide about an image" in out
    assert "**" not in out
    assert "<!--" not in out
