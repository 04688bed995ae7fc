"""The images in a zip archive, read in place: an image export, and the image side of an `.acs`."""

from __future__ import annotations

import contextlib
from pathlib import Path, PurePosixPath

from tui_cytpix.formats.bytes.limits import MAX_IMAGE_BYTES
from tui_cytpix.formats.bytes.names import choose_folder, counted, is_image_name, name_images
from tui_cytpix.formats.bytes.source import FileBytes, MemoryBytes
from tui_cytpix.formats.bytes.zip_index import Member, ZipIndex
from tui_cytpix.formats.sample.linked_fcs import FcsPlace, find_fcs
from tui_cytpix.formats.sample.parts import SampleParts
from tui_cytpix.formats.sample.several_pages import refuse_stacks


class ArchiveImages:
    """The images of one folder of an archive, as an ImageStore. Nothing is written, so a member's name can do no harm;
    those with an absolute path or `..` are left out all the same.

    Raises:
        SampleError: there are no images, or several folders of them.
    """

    def __init__(self, index: ZipIndex, path: Path) -> None:
        folders: dict[str, dict[str, Member]] = {}
        unsafe: list[str] = []
        twice: list[str] = []
        for member in index.members:
            name, where = member.name, ""
            if "/" in name:
                place = PurePosixPath(name)
                name, where = place.name, "" if str(place.parent) == "." else str(place.parent)
                if not is_image_name(name) or "__MACOSX" in place.parts:
                    continue
                if place.is_absolute() or ".." in place.parts:
                    unsafe.append(member.name)
                    continue
            elif not is_image_name(name):
                continue
            folder = folders.setdefault(where, {})
            if name in folder:
                twice.append(member.name)
            else:
                folder[name] = member
        chosen, others = choose_folder({name: list(files) for name, files in folders.items()}, path)
        named = name_images(folders[chosen])
        self._index = index
        self._members = {event: folders[chosen][name] for event, name in named.names.items()}
        self.events: tuple[str, ...] = tuple(self._members)
        empty = [event for event, member in self._members.items() if member.size == 0]
        encrypted = [event for event, member in self._members.items() if member.encrypted]
        first = "in the archive twice, the first is read"
        self.problems: tuple[str, ...] = (
            *counted(unsafe, "image with an unsafe path is left out", "images with unsafe paths are left out"),
            *counted(twice, f"image is {first}", f"images are {first}"),
            *others,
            *named.problems,
            *counted(empty, "image is empty", "images are empty"),
            *counted(encrypted, "image is encrypted", "images are encrypted"),
        )

    def read(self, event: str) -> bytes:
        return self._index.read(self._members[event], MAX_IMAGE_BYTES)

    def stated(self, event: str) -> tuple[int, int | None]:
        return self._members[event].size, self._members[event].crc

    def label(self, event: str) -> str:
        return f"{self._index.label}, {self._members[event].name}"


def open_image_archive(path: Path, source: FileBytes, index: ZipIndex, fcs: FcsPlace | None) -> SampleParts:
    """A zip of images; `source` is closed with the sample.

    Args:
        fcs: where the FCS is; looked for beside the archive and one folder up where not told.

    Raises:
        SampleError: no images, several folders of them, or stacks.
    """
    images = ArchiveImages(index, path)
    refuse_stacks(path, images, lambda event: MemoryBytes(images.read(event)))
    place = fcs if fcs is not None else archive_fcs(path)
    resources = contextlib.ExitStack()
    resources.callback(source.close)
    return SampleParts(path, "image archive", images, place, resources=resources)


def archive_fcs(path: Path) -> FcsPlace:
    """The FCS that lies beside an archive, or one folder up (`Images/<tube>.zip`)."""
    folder = path.resolve().parent
    return find_fcs(path.stem, (folder, folder.parent))
