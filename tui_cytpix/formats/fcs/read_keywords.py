"""Splits the TEXT segment of an FCS file into keywords and values.

The standard escapes a delimiter by doubling it and knows no empty values; real files hold both. Which of the two a
doubled delimiter is follows from where it stands: within a value it is an escape, as the next keyword can't be empty;
after a standard keyword it is an empty value, as `$...` keywords hold no delimiters; after another keyword, what
follows and what the rest of the file does decide.
"""

from __future__ import annotations

import re

MAX_KEYWORDS = 500_000
_BLANKS = " \t\r\n\0"
_KEYWORD_SIGNS = ("$", "#", "@", "&")  # how makers start keywords: $PAR, #P1Target, @MB_P1_BASE, &1Sample


def split_keywords(raw: str) -> dict[str, str]:
    """Keywords and values in their order; standard keywords (`$...`) in capitals. A repeated one keeps its last value.

    Args:
        raw: TEXT, from its first character, the delimiter, on.

    Raises:
        ValueError: TEXT is empty or holds too many keywords to be true.
    """
    if raw == "":
        raise ValueError("its TEXT segment is empty")
    delimiter = raw[0]
    if raw.count(delimiter) > 2 * MAX_KEYWORDS:
        raise ValueError(f"its TEXT segment holds more than {MAX_KEYWORDS} keywords")
    pieces = re.split(f"({re.escape(delimiter)}+)", raw.lstrip(delimiter))
    if pieces[-1].strip(_BLANKS) == "":
        pieces[-1] = ""  # filling after the last delimiter
    splitter = _Splitter(delimiter, leaves_empty=False)
    found = splitter.split(pieces)
    if splitter.empty_values and splitter.escaped_in_keys and not splitter.escaped_in_values:
        # This writer leaves values empty and never escapes: so it did in the undecided places.
        return _Splitter(delimiter, leaves_empty=True).split(pieces)
    return found


class _Splitter:
    """Takes the pieces between runs of delimiters, one after the other. `key` is None while a keyword is being read."""

    def __init__(self, delimiter: str, leaves_empty: bool) -> None:
        self.delimiter = delimiter
        self.leaves_empty = leaves_empty
        self.empty_values = self.escaped_in_keys = self.escaped_in_values = 0
        self.keywords: dict[str, str] = {}
        self.key: str | None = None
        self.token = ""

    def split(self, pieces: list[str]) -> dict[str, str]:
        """Takes text and runs of delimiters in turn; the last piece is what follows the last run."""
        for i in range(0, len(pieces) - 1, 2):
            self.token += pieces[i]
            run, following = len(pieces[i + 1]), pieces[i + 2]
            if self.key is None:
                self._end_of_key(run, following)
            else:
                self._end_of_value(run, at_end=following == "")
        self.token += pieces[-1]
        if self.key is None and self.token:
            self.key, self.token = self.token, ""
        if self.key is not None:
            self._close()
        return self.keywords

    def _end_of_value(self, run: int, at_end: bool) -> None:
        escapes = (run - 1) // 2 if at_end else run // 2
        self.token += self.delimiter * escapes
        self.escaped_in_values += escapes
        if at_end or run % 2:
            self._close()

    def _end_of_key(self, run: int, following: str) -> None:
        if run % 2:  # a separator, then a value that may start with escaped delimiters
            self.key, self.token = self.token, self.delimiter * (run // 2)
        elif self._is_empty_value(following):
            self.empty_values += 1
            self.key, self.token = self.token, self.delimiter * (run // 2 - 1)
            self._close()
        else:
            self.escaped_in_keys += 1
            self.token += self.delimiter * (run // 2)

    def _is_empty_value(self, following: str) -> bool:
        signed = self.token.startswith(_KEYWORD_SIGNS) and following.startswith(_KEYWORD_SIGNS)
        return self.leaves_empty or self.token.startswith("$") or following.startswith("$") or following == "" or signed

    def _close(self) -> None:
        key = (self.key or "").strip(_BLANKS)
        if key:
            self.keywords[key.upper() if key.startswith("$") else key] = self.token
        self.key, self.token = None, ""
