"""Elements of an XML document, one after another; nothing that it declares is expanded or fetched."""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat


def read_elements(content: bytes, element: Callable[[str, dict[str, str]], None]) -> None:
    """Calls `element(tag, attributes)` for each element. A document type, and with it every entity, is refused.

    Raises:
        ExpatError, ValueError, LookupError: not well-formed, with a document type, or in an unknown encoding.
    """

    def refuse(*_: object) -> None:
        raise ValueError("it declares a document type, which is not needed and not read")

    parser = expat.ParserCreate()
    parser.StartElementHandler = element
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(content, True)
