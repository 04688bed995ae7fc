"""What a key does, as it is declared."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

# What the digit row gives unshifted on a French keyboard, 1 to 9 and 0.
DIGIT_KEYS = (
    "ampersand",
    "é",
    "quotation_mark",
    "apostrophe",
    "left_parenthesis",
    "minus",
    "è",
    "underscore",
    "ç",
    "à",
)
DIGIT_ALIASES = frozenset(DIGIT_KEYS)


@dataclass(frozen=True)
class Command:
    """What a key does.

    Attributes:
        id: `scope.name`.
        keys: Textual key names, separated by commas.
        label: one or two words for the footer and the palette.
        help: a sentence for the help panel; empty where the line above speaks for this one too.
        footer: whether the footer shows it.
        action: the Textual action; empty: the id's name.
        decides: about the image that is shown; then it works only on one that has been drawn, and once, like
        once: what a held key does once.
        words: what else people call it, for the palette.
    """

    id: str
    keys: str
    label: str
    help: str = ""
    footer: bool = False
    action: str = ""
    decides: bool = False
    once: bool = False
    words: str = ""

    @property
    def scope(self) -> str:
        return self.id.partition(".")[0]

    @property
    def action_name(self) -> str:
        """The Textual action, with its arguments."""
        return self.action or self.id.partition(".")[2].replace("-", "_")

    def binding(self) -> Binding:
        """The command as a Textual binding; several keys share one id, so that a key map replaces them together."""
        return Binding(self.keys, self.action_name, self.label, show=self.footer, id=self.id)


def digit(number: int) -> str:
    """The keys that mean a digit: itself, and what its key gives where digits need Shift."""
    return f"{number},{DIGIT_KEYS[number - 1 if number else 9]}"
