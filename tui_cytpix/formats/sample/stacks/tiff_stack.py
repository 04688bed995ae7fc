"""A TIFF of many pages as a sample: OME-TIFF, an ImageJ stack, or plain pages."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.names import is_image_name
from tui_cytpix.formats.bytes.source import FileBytes
from tui_cytpix.formats.bytes.tiff_pages import DESCRIPTION, PAGE_NAME, X_RESOLUTION, TiffPages, has_several_pages
from tui_cytpix.formats.sample.array_images import ArrayImages, Pixels
from tui_cytpix.formats.sample.linked_fcs import FcsPlace
from tui_cytpix.formats.sample.parts import Asked, ImageStore, SampleParts, brightfield_like, chosen_channel
from tui_cytpix.formats.sample.stacks.float_pages import LIGHT_LOSS, float_pixels
from tui_cytpix.formats.sample.stacks.layout import Layout, imagej_layout, imagej_settings, ome_layout, plain_layout


def is_stack(path: Path) -> bool:
    """Whether a TIFF has more than one page, as `has_several_pages`, or ImageJ's many images behind one; also where
    what says so is cut off, which is told when it is opened. False for anything else.
    """
    with contextlib.suppress(SampleError), contextlib.closing(FileBytes(path)) as source:
        pages = TiffPages(source, str(path), most=1)
        if has_several_pages(source, str(path)):
            return True
        try:
            return imagej_settings(pages.text(pages.pages[0], DESCRIPTION)).get("images", "1") != "1"
        except SampleError:  # tifffile writes OME-XML at the end of the file
            return True
    return False


class PageImages:
    """Pages of one TIFF by event id, as an ImageStore: `read` gives a page as a TIFF file of its own."""

    def __init__(self, path: Path, pages: TiffPages, numbers: dict[str, int]) -> None:
        self._path, self._pages, self._numbers = path, pages, numbers
        self.events: tuple[str, ...] = tuple(numbers)
        self.problems: tuple[str, ...] = ()

    def read(self, event: str) -> bytes:
        number = self._numbers[event]
        if number < 0:
            raise _no_page(self.label(event))
        return self._pages.page_file(self._pages.pages[number])

    def stated(self, event: str) -> tuple[int, int | None]:
        return self._pages.stored(self._pages.pages[self._numbers[event]]), None

    def label(self, event: str) -> str:
        return f"{printable(self._path)}, image {printable(event)}"


def open_parts(path: Path, asked: Asked) -> SampleParts:
    """A stack, or a folder with one in it. Images are counted from 1; where each has one page, that is the page.

    Raises:
        SampleError: it is damaged, has one page, or is an event of a CellView sample.
    """
    given = path
    if path.is_dir():
        path = next(entry for entry in sorted(path.iterdir()) if is_image_name(entry.name))
    resources = contextlib.ExitStack()
    source = FileBytes(path)
    resources.callback(source.close)
    try:
        pages = TiffPages(source, str(path))
        layout = _layout(path, pages)
        default = brightfield_like(layout.channels)
        channel = chosen_channel(layout.channels, asked.channel, default or 0, path) if layout.channels else 0
        numbers = {str(number): frame[channel] for number, frame in enumerate(layout.frames, 1)}
        images = _images(path, pages, numbers)
    except BaseException:
        resources.close()
        raise
    problems = list(layout.problems)
    if layout.channels and default is None and not asked.channel:
        problems.append(
            f"None of its {len(layout.channels)} channels is called brightfield: the first is read (--channel N)."
        )
    ids = "images" if layout.channels else "pages"
    return SampleParts(
        given,
        f"{layout.kind} (ids: {ids} from 1)",
        images,
        asked.fcs or FcsPlace(),
        problems=tuple(problems),
        um_per_px=layout.um_per_px,
        channels=layout.channels,
        channel=layout.channels[channel] if layout.channels else "",
        resources=resources,
    )


def _layout(path: Path, pages: TiffPages) -> Layout:
    first = pages.pages[0]
    if any(pages.text(page, PAGE_NAME).startswith(LIGHT_LOSS) for page in pages.pages[:8]):
        raise SampleError(
            "This is one event of a CellView sample",
            f"{printable(path)} has a page for each channel.",
            f"Give its folder: {printable(path.parent)}.",
        )
    description = pages.text(first, DESCRIPTION)
    settings = imagej_settings(description)
    if settings:
        stated = settings.get("images", "1")
        if len(pages.pages) == 1 and stated.isascii() and stated.isdigit() and len(stated) < 9:
            pages.pages = pages.shifted(first, int(stated))
        return imagej_layout(settings, len(pages.pages), pages.ratio(first, X_RESOLUTION))
    ome = ome_layout(description, len(pages.pages))
    if ome is not None:
        return ome
    whole = [number for number, page in enumerate(pages.pages) if not pages.is_reduced(page)]
    if len(whole) < 2:
        raise SampleError(
            "A single image is no sample", f"{printable(path)}.", f"Give its folder: {printable(path.parent)}."
        )
    return plain_layout(whole)


def _images(path: Path, pages: TiffPages, numbers: dict[str, int]) -> ImageStore:
    """Grays are read as they are packed; floating-point numbers are scaled, all pages alike."""
    some = next((number for number in numbers.values() if number >= 0), None)
    if some is None:
        raise SampleError("No images found", f"{printable(path)} lacks all pages that it states.", "Copy it again.")
    if not pages.is_float(pages.pages[some]):
        return PageImages(path, pages, numbers)
    order = list(numbers.values())

    def pixels(place: int) -> Pixels:
        if order[place] < 0:
            raise _no_page(f"{printable(path)}, image {place + 1}")
        return float_pixels(pages, pages.pages[order[place]], str(path))

    return ArrayImages(path, list(numbers), pixels, lambda place: pages.stored(pages.pages[order[place]]))


def _no_page(label: str) -> SampleError:
    return SampleError(
        "The image can't be read", f"{label}: the file lacks its page.", "Other images may still be read."
    )
