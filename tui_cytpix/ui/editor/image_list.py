"""The images that the editor goes through: which, in what order, and where it is."""

from __future__ import annotations

from collections.abc import Sequence

from tui_cytpix.domain.annotation import AnnotationBook, Status
from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.session import Session
from tui_cytpix.workflow.annotate import suggest
from tui_cytpix.workflow.annotate.suggest import Order, Suggestion
from tui_cytpix.workflow.base_model import library

PREFETCH = 6


class ImageList:
    """With `review` they are gone through whether they are decided or not."""

    def __init__(self, keys: Sequence[ImageKey], start: ImageKey | None = None, *, review: bool = False) -> None:
        self.listed, self.keys, self.review = tuple(keys), list(keys), review
        self.order = Order.LISTED
        self.place = self.keys.index(start) if start in self.keys else 0
        self._ranked: list[Suggestion] = []

    @property
    def key(self) -> ImageKey:
        return self.keys[self.place]

    @property
    def ahead(self) -> list[ImageKey]:
        return self.keys[self.place : self.place + PREFETCH]

    @property
    def reason(self) -> str:
        """Why that image is worth annotating; "" where only its turn speaks for it."""
        return next((s.reason for s in self._ranked if s.image == self.key), "")

    def go_to(self, place: int) -> None:
        """The image at that place, or the one at the end."""
        self.place = max(0, min(place, len(self.keys) - 1))

    def next_open(self, book: AnnotationBook) -> int | None:
        """The place of the next image that is not decided about, from the beginning again after the last."""
        round_trip = (*range(self.place + 1, len(self.keys)), *range(self.place))
        return next((at for at in round_trip if book.state(self.keys[at]).status is Status.OPEN), None)

    # Orders

    def rank(self, session: Session, model: ModelEntry) -> None:
        """What speaks for each image; the other resolution's answers count where the run has them. Takes a while."""
        rival = suggest.rival_of(model, library.library())
        other = None if rival is None else session.predict.store(rival)
        store = session.predict.store(model)
        self._ranked = suggest.suggestions(session.run, session.training, store, None, other)

    def next_order(self) -> Order:
        orders = list(Order)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        return self.order

    def arrange(self, session: Session, model: ModelEntry) -> None:
        """From the order's beginning; where that is as listed, the image stays."""
        here, store, seed = self.key, session.predict.store(model), session.run.settings.seed
        self.keys = suggest.arranged(self.listed, self.order, self._ranked, store, seed)
        self.place = 0 if self.order is not Order.LISTED else self.keys.index(here)
