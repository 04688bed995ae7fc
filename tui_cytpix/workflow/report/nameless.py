"""Settings and logs of a run without what names somebody or something of theirs: samples, labels, persons, machines,
paths and files; and without masks, which show what images show.
"""

from __future__ import annotations

import getpass
import hashlib
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tui_cytpix.diagnostics import without_paths
from tui_cytpix.domain.sample import LABELS, PLATE_LABELS

MOST_NUMBERS = 40  # in a row; masks have more
MOST_LETTERS = 4000
IMAGES = ("image", "images", "sequence", "random", "variable", "similar")  # fields that hold SAMPLE:EVENT
SAMPLES, EVENTS = ("sample", "copies"), ("event", "events", "only")
PATHS = ("path", "out", "model_path", "resume")
MASKS = ("mask", "particles")
LABELLED = {name: name for name in (*LABELS, *PLATE_LABELS) if name != "role"}
SAID = {"who": "person", "host": "machine", "born": "process", **LABELLED}
_ENDINGS = "acs|zip|fcs|png|tiff?|bmp|jpe?g|npy|npz|rtdc|cif|adc|hdr|roi|csv|wsp"
_FILE = re.compile(rf"[^\s'\"/:;,()]+(?=\.(?:{_ENDINGS})\b)")


class Nameless:
    """`hide` and `hide_text` give each thing the same stand-in wherever it is named: `sample-1`, `condition-2`."""

    def __init__(self, samples: Mapping[str, str] = MappingProxyType({}), run: str = "") -> None:
        """With the paths of the run's samples, by name, and the run's name."""
        self._stand_ins: dict[tuple[str, str], str] = {}
        self._files: dict[str, str] = {}  # and the samples whose they are
        for name, path in samples.items():
            other = self._stand_in("sample", name)
            self._files |= {Path(path).name: other, Path(path).stem: other}
        self._run = run

    def hide(self, value: Any, field: str = "") -> Any:
        """Of a document that was read: what stands in `field`."""
        if isinstance(value, Mapping):
            of = {"name": "sample"} if field == "samples" else {}
            return {self._key(str(key)): self.hide(one, of.get(key, str(key))) for key, one in value.items()}
        if isinstance(value, str):
            return self._hide_string(value, field)
        if isinstance(value, Sequence):
            if (field in MASKS or len(value) > MOST_NUMBERS) and all(isinstance(one, int | float) for one in value):
                return f"({len(value)} numbers)"
            return [self.hide(one, field) for one in value]
        return value

    def hide_text(self, text: str) -> str:
        """Of a message, or a log for people."""
        samples = {name: other for (kind, name), other in self._stand_ins.items() if kind == "sample"}
        for name, other in sorted((self._files | samples).items(), key=lambda one: -len(one[0])):
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", other, text) if name else text
        text = text.replace(str(Path.home()), "~")
        for name, other in ((getpass.getuser(), "person"), (platform.node(), "machine"), (self._run, "run")):
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", other, text) if len(name) > 1 else text
        return _FILE.sub("…", without_paths(text))

    def _hide_string(self, text: str, field: str) -> str:
        if not text:
            return text
        if field in IMAGES:
            return self._image(text)
        if field in SAMPLES:
            return self._stand_in("sample", text)
        if field in EVENTS:
            return _event(text)
        if field in SAID:
            return self._stand_in(SAID[field], text)
        if field in PATHS:
            return "…"
        return self.hide_text(text if len(text) <= MOST_LETTERS else f"({len(text)} letters)")

    def _key(self, key: str) -> str:
        """Keys of tables by image or sample, too."""
        sample = key.partition(":")[0]
        if ("sample", key) in self._stand_ins:
            return self._stand_in("sample", key)
        return self._image(key) if ":" in key and ("sample", sample) in self._stand_ins else key

    def _image(self, key: str) -> str:
        sample, colon, event = key.rpartition(":")
        return f"{self._stand_in('sample', sample)}{colon}{_event(event)}" if colon else self._stand_in("sample", key)

    def _stand_in(self, kind: str, name: str) -> str:
        number = 1 + sum(known == kind for known, _ in self._stand_ins)
        return self._stand_ins.setdefault((kind, name), f"{kind}-{number}")


def _event(event: str) -> str:
    """A number tells nobody; a file's name may."""
    return event if event.isdecimal() else f"event-{hashlib.sha256(event.encode('utf-8', 'replace')).hexdigest()[:8]}"


class Named(Nameless):
    """Leaves out masks only."""

    def hide_text(self, text: str) -> str:
        return text

    def _hide_string(self, text: str, field: str) -> str:  # noqa: ARG002
        return text if len(text) <= MOST_LETTERS else f"({len(text)} letters)"

    def _key(self, key: str) -> str:
        return key
