"""BD CellView (FACSDiscover): a TIFF an event, a page of floating-point numbers a channel, whose number in the file's
name is the FCS row, from 0.

Layouts met: 6 pages (the commercial instrument's) and 8 (a prototype's); a page is found by its name.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from tui_cytpix.domain.words import printable
from tui_cytpix.errors import SampleError
from tui_cytpix.formats.bytes.image_decode import read_file
from tui_cytpix.formats.bytes.names import counted, natural_key
from tui_cytpix.formats.bytes.source import FileBytes, MemoryBytes
from tui_cytpix.formats.bytes.tiff_pages import PAGE_NAME, TiffPages
from tui_cytpix.formats.sample.array_images import ArrayImages, Pixels
from tui_cytpix.formats.sample.found import Found
from tui_cytpix.formats.sample.linked_fcs import FcsPlace, fcs_of_name
from tui_cytpix.formats.sample.parts import Asked, SampleParts, chosen_channel
from tui_cytpix.formats.sample.stacks.float_pages import LIGHT_LOSS, float_pixels

_NAME = re.compile(r"(?P<code>.*)_(?P<number>[0-9]{8})\.tiff?", re.IGNORECASE)
MOST_PAGES, MAX_NAME = 64, 80


def is_cellview(found: Found) -> bool:
    """Whether a folder, or its first sub-folder with images, holds events as CellView writes them."""
    for folder, names in _folders(found):
        first = next((name for name in names if _NAME.fullmatch(name)), None)
        if first is not None:
            return _is_event(folder / first)
        if names:
            return False
    return False


def _folders(found: Found) -> list[tuple[Path, list[str]]]:
    """The TIFF names of the folder itself, else of each of its sub-folders (buckets)."""
    own = [name for name in found.names if name.lower().endswith((".tif", ".tiff"))]
    if own:
        return [(found.path, own)]
    below = []
    for name in found.names:
        folder = found.path / name
        with contextlib.suppress(OSError):
            if folder.is_dir():
                inside = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
                below.append((folder, [one for one in inside if one.lower().endswith((".tif", ".tiff"))]))
    return below


def _is_event(path: Path) -> bool:
    with contextlib.suppress(SampleError), contextlib.closing(FileBytes(path)) as source:
        pages = TiffPages(source, str(path), most=2)
        return len(pages.pages) == 2 and all(map(pages.is_float, pages.pages))
    return False


def open_parts(path: Path, asked: Asked) -> SampleParts:
    """Event ids are the numbers in the files' names, without leading zeros.

    Raises:
        SampleError: no event can be read.
    """
    files, problems = _files(path)
    channels, named = _channels(path, list(files.values()))
    default = next((place for place, name in enumerate(channels) if name.startswith(LIGHT_LOSS)), None)
    if default is None and not asked.channel:
        problems.append(f"No page is called {LIGHT_LOSS}: the first page is read (--channel N).")
    channel = chosen_channel(channels, asked.channel, default or 0, path)
    wanted = channels[channel] if named else ""
    events, paths = list(files), list(files.values())

    def pixels(place: int) -> Pixels:
        return _page(paths[place], wanted, channel)

    return SampleParts(
        path,
        f"BD CellView, {len(channels)} pages an event (ids: FCS rows from 0)",
        ArrayImages(path, events, pixels, lambda place: _size(paths[place])),
        asked.fcs.by_rows() if asked.fcs else _fcs_beside(path, paths[0]),
        problems=tuple(problems),
        channels=channels,
        channel=channels[channel],
    )


def _files(path: Path) -> tuple[dict[str, Path], list[str]]:
    """The events' files by id, in natural order, and sentences about those left out."""
    files: dict[str, Path] = {}
    others, twice = [], []
    for folder, names in _folders(Found(path, is_folder=True)):
        for name in names:
            match = _NAME.fullmatch(name)
            event = str(int(match["number"])) if match else ""
            if not match:
                others.append(name)
            elif event in files:
                twice.append(name)
            else:
                files[event] = folder / name
    ordered = dict(sorted(files.items(), key=lambda item: natural_key(item[0])))
    number = "without an 8-digit number in its name is not read"
    return ordered, [
        *counted(others, f"TIFF {number}", f"TIFFs {number}"),
        *counted(twice, "file repeats an event's number, unread", "files repeat events' numbers, unread"),
    ]


def _channels(path: Path, files: list[Path]) -> tuple[tuple[str, ...], bool]:
    """The names of an event's pages, of the first event that can be read, and whether the files name them."""
    first: SampleError | None = None
    for file in files[:16]:
        try:
            pages = _pages(file)
        except SampleError as error:
            first = first or error
            continue
        names = tuple(pages.text(page, PAGE_NAME).strip()[:MAX_NAME] for page in pages.pages)
        named = all(names) and len(set(names)) == len(names)
        return (names, True) if named else (tuple(map(str, range(1, len(names) + 1))), False)
    raise SampleError(
        "No images found", f"{printable(path)}: {first.detail if first else 'no event.'}", "Copy the folder again."
    )


def _pages(file: Path) -> TiffPages:
    """Of an event's file, which is read at once: it is small."""
    return TiffPages(MemoryBytes(read_file(file)), str(file), MOST_PAGES)


def _page(file: Path, wanted: str, place: int) -> Pixels:
    """The page of that name; of files that don't name their pages, the one at that place."""
    pages = _pages(file)
    names = [pages.text(page, PAGE_NAME).strip()[:MAX_NAME] for page in pages.pages]
    at = names.index(wanted) if wanted in names else (place if not wanted and place < len(names) else -1)
    if at < 0:
        why = f"it has no page {printable(wanted) or place + 1}"
        raise SampleError("The image can't be read", f"{printable(file)}: {why}.", "Other images may still be read.")
    return float_pixels(pages, pages.pages[at], str(file))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1


def _fcs_beside(path: Path, event: Path) -> FcsPlace:
    """`<position>-<code>.fcs` beside `<position>-<code>_images`; no other, as any FCS has rows of these numbers."""
    where = path.resolve()
    match = _NAME.fullmatch(event.name)
    stems = [where.name.removesuffix("_images"), match["code"] if match else ""]
    for folder in (where.parent, where):
        for stem in filter(None, stems):
            place = fcs_of_name(stem, folder)
            if place is not None:
                return place.by_rows()
    return FcsPlace()
