"""The fold over edits against a plain undo stack."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tui_cytpix.domain.annotation import Annotation, AnnotationBook, Edit, Side, Status
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation

IMAGES = [ImageKey("a", "1"), ImageKey("b", "1"), ImageKey("a", "2")]
DECISIONS = {
    "accept": Status.ACCEPTED,
    "reject": Status.REJECTED,
    "ambiguous": Status.AMBIGUOUS,
    "reopen": Status.OPEN,
}


def drawing(number: int) -> Segmentation:
    mask = np.zeros((4, 4), bool)
    mask.flat[number % 16] = True
    return Segmentation(mask, np.array([[number // 4, number % 4]], np.float32))


class PlainStack:
    """What a text editor does: a list of states and a place in it."""

    def __init__(self) -> None:
        self.states: list[tuple[Status, int | None]] = [(Status.OPEN, None)]
        self.at = 0

    def do(self, status: Status | None = None, picture: int | None = None) -> None:
        old_status, old_picture = self.states[self.at]
        new = (old_status if status is None else status, old_picture if picture is None else picture)
        self.states = [*self.states[: self.at + 1], new]
        self.at += 1


class Session:
    """Feeds a book as the app does, beside the plain stacks."""

    def __init__(self) -> None:
        self.book = AnnotationBook()
        self.edits: list[Edit] = []
        self.stacks = {image: PlainStack() for image in IMAGES}

    def feed(self, image: ImageKey, action: str, segmentation: Segmentation | None = None, of: int | None = None):
        edit = Edit(self.book.last_seq + 1, 0.0, "me", image, action, segmentation, of, 1.0)
        self.edits.append(edit)
        return self.book.feed(edit)

    def act(self, image: ImageKey, action: str, number: int) -> None:
        stack = self.stacks[image]
        if action == "undo":
            target = self.book.undo_target(image)
            assert (target is not None) == (stack.at > 0)
            if target:
                stack.at -= 1
                self.feed(image, "undo", of=target.seq)
        elif action == "redo":
            target = self.book.redo_target(image)
            assert (target is not None) == (stack.at < len(stack.states) - 1)
            if target:
                stack.at += 1
                self.feed(image, "redo", of=target.seq)
        elif action in DECISIONS:
            stack.do(status=DECISIONS[action])
            self.feed(image, action)
        else:
            stack.do(picture=number)
            self.feed(image, "place", drawing(number))

    def check(self) -> None:
        for image, stack in self.stacks.items():
            state = self.book.state(image)
            status, picture = stack.states[stack.at]
            assert state.status is status
            assert (state.segmentation is None) == (picture is None)
            if picture is not None:
                assert state.segmentation.same_as(drawing(picture))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(IMAGES), st.sampled_from(["place", "undo", "undo", "redo", *DECISIONS]), st.integers(0, 15)
    ),
    max_size=40,
)


@given(STEPS)
def test_any_edits_undo_and_redo_give_what_a_plain_stack_gives(steps):
    session = Session()
    for step in steps:
        session.act(*step)
        session.check()
    again = AnnotationBook(session.edits)
    for image in IMAGES:
        one, other = session.book.state(image), again.state(image)
        assert (one.status, one.side, one.seconds) == (other.status, other.side, other.seconds)
    assert sum(session.book.state(i).seconds for i in IMAGES) == len(session.edits)


@given(STEPS)
def test_an_image_never_changes_sides(steps):
    session, sides = Session(), {}
    for step in steps:
        session.act(*step)
        for image in IMAGES:
            side = session.book.state(image).side
            assert sides.get(image, side) is side
            if side is not None:
                sides[image] = side
        assert all(a.side is not None for a in session.book.accepted())


def test_a_fifth_is_held_out_and_two_of_the_first_ten():
    book = AnnotationBook()
    for n in range(40):
        state = book.feed(Edit(n + 1, 0.0, "me", ImageKey("s", str(n)), "accept", drawing(n)))
        held_out = len(book.side(Side.VALIDATION))
        assert held_out == (n + 1) // 5
        assert state.side is (Side.VALIDATION if (n + 1) % 5 == 0 else Side.TRAINING)
        missing = book.ready_to_train()
        assert (missing is None) == (n + 1 >= 10), missing


def test_rejected_and_ambiguous_images_do_not_count_towards_the_ten():
    book = AnnotationBook()
    for n in range(9):
        book.feed(Edit(n + 1, 0.0, "me", ImageKey("s", str(n)), "accept", drawing(n)))
    book.feed(Edit(10, 0.0, "me", ImageKey("s", "x"), "reject"))
    book.feed(Edit(11, 0.0, "me", ImageKey("s", "y"), "ambiguous"))
    assert "9 of at least 10" in book.ready_to_train()
    assert [a.status for a in book.decided()].count(Status.ACCEPTED) == 9


def test_a_proposal_is_not_the_users_to_undo_and_tells_what_was_corrected():
    book, image = AnnotationBook(), IMAGES[0]
    book.feed(Edit(1, 0.0, "me", image, "propose", drawing(3), origin="sha256:x"))
    assert book.undo_target(image) is None
    state = book.feed(Edit(2, 0.0, "me", image, "accept"))
    assert state.origin == "sha256:x"
    assert not state.corrected
    assert book.feed(Edit(3, 0.0, "me", image, "place", drawing(4))).corrected
    assert not book.feed(Edit(4, 0.0, "me", image, "undo", of=3)).corrected
    assert not Annotation(image).corrected


def test_an_undo_that_names_another_edit_does_nothing():
    book, image = AnnotationBook(), IMAGES[0]
    book.feed(Edit(1, 0.0, "me", image, "accept", drawing(3)))
    book.feed(Edit(2, 0.0, "me", image, "undo", of=77))
    book.feed(Edit(3, 0.0, "me", image, "redo", of=1))
    assert book.state(image).status is Status.ACCEPTED


def accepted_in_order(kinds):
    """Images of (sample, particles), accepted in this order, each on the side that the book gives it."""
    book, seq = AnnotationBook(), itertools.count(1)
    for number, (sample, particles) in enumerate(kinds):
        image = ImageKey(sample, str(number))
        drawn = Segmentation(np.ones((4, 8), bool), np.array([[2, n] for n in range(particles)], np.float32))
        book.feed(Edit(next(seq), 0.0, "me", image, "propose", drawn))
        book.feed(Edit(next(seq), 0.0, "me", image, "accept", side=book.side_for(image)))
        assert book.side_for(image) is None
    return book


KINDS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4)), max_size=40)


@given(KINDS)
def test_a_fifth_validates_at_any_time(kinds):
    for number in range(len(kinds) + 1):
        book = accepted_in_order(kinds[:number])
        assert number // 5 <= len(book.side(Side.VALIDATION)) <= (number + 2) // 5
    assert book.ready_to_train() is None or len(kinds) < 10


@given(KINDS)
def test_sides_stay_whatever_comes(kinds):
    whole = accepted_in_order(kinds)
    for number in range(len(kinds)):
        for state in accepted_in_order(kinds[:number]).accepted():
            assert whole.state(state.image).side is state.side


def test_each_count_class_and_sample_validates_where_it_comes_in_time():
    singles, doublets = [("a", 1)] * 4, [("b", 2)]
    book = accepted_in_order([*singles, *doublets, *singles[:2], *doublets, *singles])
    held = {(s.image.sample, s.segmentation.particle_count) for s in book.side(Side.VALIDATION)}
    assert held == {("a", 1), ("b", 2)}


def test_logs_without_sides_give_those_of_0_1_0():
    book = AnnotationBook()
    for number in range(1, 11):
        book.feed(Edit(number, 0.0, "me", ImageKey("a", str(number)), "accept"))
    assert [state.image.event for state in book.side(Side.VALIDATION)] == ["5", "10"]


def test_images_with_the_same_pixels_are_on_one_side_and_count_once():
    images = [ImageKey("a", str(number)) for number in range(20)]
    copies = [ImageKey("copy", str(number)) for number in range(20)]
    pixels = {image: f"{image.event:0>16}" for image in (*images, *copies)}
    book, seq = AnnotationBook(pixels=pixels), itertools.count(1)

    def accept(image: ImageKey) -> None:
        book.feed(Edit(next(seq), 0.0, "me", image, "propose", drawing(1)))
        book.feed(Edit(next(seq), 0.0, "me", image, "accept", side=book.side_for(image)))

    for image in images:
        accept(image)
    held = {state.image for state in book.side(Side.VALIDATION)}
    assert len(held) == 4
    for copy in copies:
        accept(copy)
    assert all(book.state(copy).side is book.state(image).side for image, copy in zip(images, copies, strict=True))
    assert [state.image for state in book.accepted()] == images
    assert {state.image for state in book.side(Side.VALIDATION)} == held
    assert book.copies() == list(zip(copies, images, strict=True))
    book.feed(Edit(next(seq), 0.0, "me", images[0], "reject"))
    assert [state.image for state in book.accepted()] == [*images[1:], copies[0]]
    assert copies[0] not in dict(book.copies())


def test_one_image_under_ten_names_is_not_enough_to_train():
    images = [ImageKey("a", str(number)) for number in range(12)]
    book = AnnotationBook(pixels=dict.fromkeys(images, "0123456789abcdef"))
    for number, image in enumerate(images, 1):
        book.feed(Edit(number, 0.0, "me", image, "accept"))
    assert "annotate 9 more" in book.ready_to_train()


def test_pixels_that_come_to_be_known_later_count():
    pixels: dict[ImageKey, str] = {}
    book = AnnotationBook([Edit(n, 0.0, "me", image, "accept") for n, image in enumerate(IMAGES, 1)], pixels)
    assert len(book.accepted()) == 3
    pixels.update(dict.fromkeys(IMAGES, "0123456789abcdef"))
    assert [state.image for state in book.accepted()] == IMAGES[:1]


def test_what_the_base_was_trained_on_does_not_validate():
    images = [ImageKey("a", str(number)) for number in range(30)]
    pixels = {image: f"{number:016x}" for number, image in enumerate(images)}
    book, learnt = AnnotationBook(pixels=pixels), {pixels[image] for image in images[:20]}
    for number, image in enumerate(images, 1):
        side = book.side_for(image, learnt)
        book.feed(Edit(number, 0.0, "me", image, "accept", side=side))
    assert len(book.side(Side.VALIDATION)) == 6
    assert not {state.image for state in book.side(Side.VALIDATION)} & set(images[:20])
