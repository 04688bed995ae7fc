from __future__ import annotations

import pytest

from tui_cytpix.domain import entered_numbers
from tui_cytpix.domain.zoom import AUTOMATIC, parse_zoom


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (entered_numbers.percentage, "2", 0.02),
        (entered_numbers.percentage, " 2 % ", 0.02),
        (entered_numbers.percentage, "2,0%", 0.02),
        (entered_numbers.pixel_size, "0,325", 0.325),
        (entered_numbers.size_cutoff, "0", 0.0),
        (entered_numbers.size_cutoff, "5.5", 5.5),
        (entered_numbers.focus_score, "0", 0.0),
        (parse_zoom, "1,5", 1.5),
        (parse_zoom, "auto", AUTOMATIC),
        (parse_zoom, "0", AUTOMATIC),
        (entered_numbers.shard, "2/10", (2, 10)),
        (entered_numbers.whole(0), "0", 0),
        (entered_numbers.whole(1, 9), " 9 ", 9),
        (entered_numbers.whole(0), "9007199254740993", 9007199254740993),  # past what a float tells apart
    ],
)
def test_a_number_is_taken_as_people_write_it(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "texts"),
    [
        (entered_numbers.percentage, ("", "x", "-1", "101", "nan", "1%%")),
        (entered_numbers.pixel_size, ("", "0", "0.009", "21", "inf", "nan", "0.3 um")),
        (entered_numbers.size_cutoff, ("-0.1", "1001", "nan")),
        (entered_numbers.focus_score, ("1", "1.5", "-0.1", "x")),
        (parse_zoom, ("0.1", "6", "-1", "nan", "x")),
        (entered_numbers.shard, ("", "3", "0/3", "4/3", "1/0", "a/b", "1/2/3")),
        (entered_numbers.whole(1, 9), ("0", "10", "2.0", "", "x")),
        (entered_numbers.whole(0), ("-1", str(1 << 63))),
    ],
)
def test_what_is_no_such_number_is_refused_with_what_is_wanted(parse, texts):
    for text in texts:
        with pytest.raises(ValueError, match="give"):
            parse(text)
