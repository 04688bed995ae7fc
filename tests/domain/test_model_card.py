"""What a card says of the images behind a model, through its ancestors, and what of it is believed."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tui_cytpix.domain.model_card import MOST_IMAGES, ModelCard, Provenance
from tui_cytpix.domain.plain_values import from_plain

SAMPLE = f"images-crc32:{'ab' * 32}"


def digests(first: int, number: int) -> tuple[str, ...]:
    return tuple(f"{n:016x}" for n in range(first, first + number))


def test_a_chain_of_models_tells_all_images_once():
    base = Provenance(digests(0, 3), digests(3, 2), samples=(SAMPLE,))
    card = ModelCard("new", "half", "UDT", provenance=base.and_then(Provenance(digests(2, 3), seen=digests(9, 1))))
    assert card.made_with.training == digests(0, 5)
    assert card.made_with.validation == digests(3, 2)
    assert card.made_with.images == {*digests(0, 5), *digests(9, 1)}
    assert card.made_with.complete
    assert from_plain(ModelCard, asdict(card)) == card


def test_a_model_of_an_earlier_build_is_known_to_tell_not_all():
    assert ModelCard("shipped", "half", "built-in").made_with == Provenance()
    old = ModelCard("old", "half", "UDT")
    assert not old.made_with.complete
    assert not old.made_with.and_then(Provenance(digests(0, 2))).complete


def test_too_many_images_are_cut_to_the_latest_and_it_says_so():
    many = Provenance(digests(0, MOST_IMAGES)).and_then(Provenance(digests(MOST_IMAGES, 5)))
    assert many.training == digests(5, MOST_IMAGES)
    assert not many.complete
    assert from_plain(Provenance, asdict(many)) == many


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("training", ["0123"]),
        ("training", ["0123456789ABCDEF"]),
        ("validation", ["\x1b[31m0123456789"]),
        ("seen", "0123456789abcdef"),
        ("seen", digests(0, MOST_IMAGES + 1)),
        ("samples", ["images-crc32:12"]),
        ("samples", ["../" + "a" * 64]),
        ("complete", "yes"),
    ],
)
def test_what_is_out_of_range_is_refused(field, value):
    card = asdict(ModelCard("new", "half", "UDT", provenance=Provenance()))
    card["provenance"][field] = value
    with pytest.raises(ValueError, match="provenance"):
        from_plain(ModelCard, card)
