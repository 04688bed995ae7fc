"""Nothing that a document declares is expanded, in whatever encoding it says so."""

from __future__ import annotations

import pytest

from tui_cytpix.formats.bytes.xml_elements import read_elements


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_entities_are_refused(encoding):
    text = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    with pytest.raises(Exception, match=r"document type|not well-formed|syntax"):
        read_elements(text.encode(encoding), lambda _tag, _attributes: None)
    seen = []
    read_elements("<a b='é'/>".encode("utf-16"), lambda tag, attributes: seen.append((tag, attributes)))
    assert seen == [("a", {"b": "é"})]


def test_an_encoding_that_is_not_known_is_refused():
    with pytest.raises((LookupError, ValueError)):
        read_elements(b'<?xml version="1.0" encoding="no-such"?><a/>', lambda _tag, _attributes: None)
