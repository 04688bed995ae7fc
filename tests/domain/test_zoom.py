"""How large images are seen: what can be asked for, how it is told, and which answers hold."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from tui_cytpix.domain.model_card import ModelCard
from tui_cytpix.domain.plain_values import from_plain
from tui_cytpix.domain.run_settings import BaseModelSettings, RunSettings
from tui_cytpix.domain.sample import SampleRef
from tui_cytpix.domain.zoom import AUTOMATIC, By, Zoom, parse_zoom


@pytest.mark.parametrize(
    ("zoom", "words"),
    [
        (Zoom(1.5, By.PARTICLES), "seen 1.5 times as large (unknown scale; chosen from its particles)"),
        (Zoom(1.55, By.SET), "seen 1.55 times as large (unknown scale; as set)"),
        (Zoom(0.4, By.MODEL), "seen 0.4 times as large (unknown scale; as the model was trained)"),
        (Zoom(1.0, By.NOTHING), "seen as large as they are (unknown scale; nothing in it tells a size)"),
        (Zoom(0.36 / 0.3, By.SCALE, 0.36), "seen 1.2 times as large (0.36 µm/px)"),
        (Zoom(1.0, By.SCALE, 0.29999999938), "seen as large as they are (0.3 µm/px)"),
    ],
)
def test_it_is_told_with_its_reason(zoom, words):
    assert zoom.in_words() == words


def test_a_card_says_how_large_its_model_sees_images():
    card = ModelCard("m", "full", "UDT")
    assert card.sees == "by the size of the particles"
    assert replace(card, zoom=1.5).sees == "1.5 times as large, as trained"
    known = replace(card, network_um_per_px=0.3)
    assert known.sees == "0.3 µm/px where the scale is known, else by the size of the particles"
    with pytest.raises(ValueError, match="zoom: "):
        from_plain(ModelCard, {**asdict(card), "zoom": 10**400})


@pytest.mark.parametrize(("text", "asked"), [("", 0), ("0", 0), ("Auto", 0), ("0.2", 0.2), (" 1,5", 1.5), ("5", 5)])
def test_what_can_be_asked_for(text, asked):
    assert parse_zoom(text) == asked


@pytest.mark.parametrize("text", ["0.19", "5.1", "-1", "nan", "inf", "large"])
def test_what_cannot(text):
    with pytest.raises(ValueError, match=r"0.2 to 5 times, or 0 for automatic"):
        parse_zoom(text)


def test_settings_refuse_what_cannot_be_asked_for():
    assert BaseModelSettings().zoom == AUTOMATIC
    for zoom in (-1.0, 0.1, 7.0, float("nan")):
        with pytest.raises(ValueError, match="no zoom"):
            BaseModelSettings(zoom=zoom)


def test_answers_hold_for_the_way_in_which_a_sample_is_seen():
    known, unknown = SampleRef("known", "", 0, "", um_per_px=0.3), SampleRef("unknown", "", 0, "")
    settings = RunSettings("r", "now", samples=(known, unknown))
    assert settings.ways("known") == ("0.3 um/px", "")
    assert settings.ways("unknown") == ("unknown scale", "")
    larger = replace(settings, base_model=BaseModelSettings(zoom=1.5))
    assert larger.ways("known") == ("0.3 um/px", "")
    assert larger.ways("unknown") == ("zoom 1.5",)
    stated = replace(unknown, um_per_px=0.5, came_as="unknown scale")
    assert replace(larger, samples=(known, stated)).ways("unknown") == ("0.5 um/px",)
    for zoom in (Zoom(1.5, By.SET), Zoom(1.3, By.PARTICLES), Zoom(1.0, By.SCALE, 0.3), Zoom(2.0, By.MODEL, 0.3)):
        held = {way for one in (settings, larger) for name in ("known", "unknown") for way in one.ways(name)}
        assert zoom.way in held
