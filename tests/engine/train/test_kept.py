"""What a model that was trained from another still knows of what that knew."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tui_cytpix.domain.model_card import Kept
from tui_cytpix.engine.network.model import Model, load_model, save_model
from tui_cytpix.engine.train import kept as module
from tui_cytpix.engine.train.kept import kept
from tui_cytpix.engine.train.rehearsal import rehearsal, simulated_examples
from tui_cytpix.errors import UsageError

CPU = torch.device("cpu")


def carded(model: Model, kind: str, kinds: object) -> Model:
    return replace(model, card=replace(model.card, kind=kind, training={"kinds": kinds}))


@pytest.fixture
def shown(monkeypatch):
    """Events are numbers; a model counts those right that are below its card's zoom. Tells which kinds were shown."""
    asked = []

    def simulated_examples(kind, tubes, images, seed):
        asked.append((kind, tubes * images))
        return range(tubes * images)

    monkeypatch.setattr(module, "simulated_examples", simulated_examples)
    monkeypatch.setattr(
        module, "counted_right", lambda model, items, _device: [(n, None) for n in items if n < int(model.card.zoom)]
    )
    return asked


def right(model: Model, images: int) -> Model:
    return replace(model, card=replace(model.card, zoom=float(images)))


def test_what_was_known_and_is_lost_is_told_of_each_model(toys, shown):
    base = right(carded(toys.model(), "built-in", ["beads", "yeast"]), 4)
    found = list(kept(base, [right(base, 3), right(base, 5)], CPU))
    assert shown == [("beads", 30), ("yeast", 30)]
    assert found == [Kept(6, 2, 52, of_all_kinds=False), Kept(8, 0, 52, of_all_kinds=False)]


def test_of_a_users_base_the_kinds_count_that_it_knows(toys, shown):
    users = right(carded(toys.model(), "UDT", []), 3)
    assert list(kept(users, [right(users, 1)], CPU)) == [
        Kept(len(shown), 2 * len(shown), len(shown), of_all_kinds=True)
    ]
    assert len(shown) > 20
    assert {images for _, images in shown} == {4}
    unsure = right(users, 2)
    assert list(kept(unsure, [unsure], CPU, ["beads"])) == [Kept(0, 0, 60, of_all_kinds=True)]


def test_a_base_that_names_no_kinds_is_not_judged_and_an_unknown_one_is_told(toys):
    assert list(kept(carded(toys.model(), "built-in", []), [toys.model()], CPU)) == []
    with pytest.raises(UsageError):
        list(kept(carded(toys.model(), "built-in", ["no such kind"]), [], CPU))


def test_other_events_are_shown_than_training_goes_over():
    known = {item.gray.tobytes() for item in rehearsal(("beads",))}
    assert not known & {item.gray.tobytes() for item in simulated_examples("beads", 1, 4, module.SHOWN_SEED)}


def test_the_words_say_what_the_number_cannot_tell():
    assert Kept(57, 3, 9, of_all_kinds=False).in_words == (
        "It forgot 3 of 60 simulated images that the base model counts right, of the kinds that it was trained on "
        "(95% kept)."
    )
    users = Kept(1, 1, 0, of_all_kinds=True).in_words
    assert "of kinds that it knows" in users
    assert users.endswith("are not in its file, so nobody can ask how those fare.")
    assert "none of 9 simulated images right" in Kept(0, 0, 9, of_all_kinds=True).in_words


def test_a_job_tells_at_its_end_what_was_kept_once_for_each_model(toy_run, tmp_path, here):
    base = load_model(toy_run.base)
    save_model(toy_run.base, base.net, replace(base.card, training={"kinds": ["beads"]}))
    events = here(tmp_path / "jobs" / "1-train", toy_run.train_spec(epochs=2))
    told = [e for e in events if e["type"] == "kept"]
    assert [(e["epoch"], e["kept"]["of_all_kinds"]) for e in told] == [(2, False)]
    assert events[-1]["type"] == "finished"
    last = str(toy_run.folder.checkpoints / "last.safetensors")
    again = here(tmp_path / "jobs" / "2-train", toy_run.train_spec(epochs=0, resume=last))
    assert not [e for e in again if e["type"] == "kept"]
    more = here(tmp_path / "jobs" / "3-train", toy_run.train_spec(epochs=4, resume=last))
    best = [e["epoch"] for e in more if e["type"] == "best"][-1:]
    assert [e["epoch"] for e in more if e["type"] == "kept"] == list(dict.fromkeys([6, *best]))
