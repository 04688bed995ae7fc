"""Two models' answers side by side, one key a preference."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from tui_cytpix.domain.verdict import Preference
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.panes.undo import TakingBack
from tui_cytpix.ui.widgets.pictures.pair_view import Pair, PairView

Said = Preference | int  # an int: the left (0) or the right (1) answer is better


class PairReview(PairView, TakingBack):
    """Posts what was preferred; the screen records it and shows the next pair."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("pair_review")

    class Preferred(Message):
        """A key was pressed about `pair`."""

        def __init__(self, pair: Pair, said: Said) -> None:
            super().__init__()
            self.pair, self.said = pair, said

    class TakingBackWished(Message):
        """The last preference shall be taken back, or what was taken back shall stand again."""

        def __init__(self, *, again: bool) -> None:
            super().__init__()
            self.again = again

    class RevealWished(Message):
        """Which is which?"""

    def take_back(self, *, again: bool) -> None:
        """Undo or redo."""
        self.post_message(self.TakingBackWished(again=again))

    def _prefer(self, said: Said) -> None:
        if self.current is not None:
            self.post_message(self.Preferred(self.current, said))

    def action_first_better(self) -> None:
        """The left one."""
        self._prefer(0)

    def action_second_better(self) -> None:
        """The right one."""
        self._prefer(1)

    def action_equal(self) -> None:
        """Both right."""
        self._prefer(Preference.EQUAL)

    def action_neither(self) -> None:
        """Both wrong."""
        self._prefer(Preference.NEITHER)

    def action_unclear(self) -> None:
        """Cells can't be told apart."""
        self._prefer(Preference.UNCLEAR)

    def action_skip(self) -> None:
        """Skipped, which is recorded too."""
        self._prefer(Preference.SKIPPED)

    def action_reveal(self) -> None:
        """Shows the names."""
        self.post_message(self.RevealWished())
