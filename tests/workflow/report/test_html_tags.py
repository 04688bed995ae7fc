"""The report's page and charts: well-formed, self-contained, and nothing from a file is read as markup."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tui_cytpix.workflow.report import html_tags as html
from tui_cytpix.workflow.report.svg_chart import Axes, Series, lines, scatter

HOSTILE = '<script>alert("1")</script>&\'"'


class Tags(HTMLParser):
    """Every tag with its attributes, and the texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_hostile_text_stays_text():
    gray = np.zeros((4, 4, 3), np.uint8)
    axes = Axes(HOSTILE, HOSTILE, (0, 1), (0, 1))
    page = html.page(
        HOSTILE,
        [
            html.heading(HOSTILE),
            html.paragraphs([HOSTILE, ""]),
            html.table([(HOSTILE, 1), (HOSTILE, 2)]),
            html.picture(gray, HOSTILE),
            html.chart(lines(axes, [Series(HOSTILE, [(0, 0), (1, 1)])]), HOSTILE),
        ],
    )
    found = Tags(page)
    assert not any(tag == "script" for tag, _ in found.tags)
    assert found.texts.count(HOSTILE) == 10
    assert all(not name.startswith("on") for _, attributes in found.tags for name in attributes)


def test_pictures_come_back_from_the_page():
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[5:10, 5:10] = (255, 0, 0)
    (source,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html.picture(pixels, "one"))
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(source))).convert("RGB"))
    np.testing.assert_array_equal(back, pixels)


def test_charts_are_svg_and_points_lie_where_they_should():
    axes = Axes("x", "y", (0, 10), (0, 1))
    tree = ET.fromstring(lines(axes, [Series("one", [(0, 0), (10, 1)]), Series("none", [], "b")]))
    (line,) = tree.iter("polyline")
    (left, bottom), (right, top) = (tuple(map(float, p.split(","))) for p in line.attrib["points"].split())
    assert left < right
    assert bottom > top
    assert axes.place((5, 0.5)) == pytest.approx(((left + right) / 2, (bottom + top) / 2))
    assert axes.place((99, -5)) == (right, bottom)
    dots = list(ET.fromstring(scatter(axes, [("a", [(1, 0.1), (2, 0.2)], 2.0)])).iter("circle"))
    assert len(dots) == 2


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 150, [0, 50, 100, 150]), (-3, 3, [-3, -2, -1, 0, 1, 2, 3]), (2, 2, [2])],
)
def test_ticks_are_round(low, high, wanted):
    texts = ET.fromstring(scatter(Axes("across", "up", (low, high), (0, 1)), [])).iter("text")
    told = [text.text for text in texts if text.attrib["text-anchor"] == "middle" and text.text not in ("across", "up")]
    assert [float(text) for text in told] == pytest.approx(wanted)
