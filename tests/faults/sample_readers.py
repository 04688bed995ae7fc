"""A small sample of each format that is read (formats.sample.registry), and everything that is asked of one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bins import Bins
from tests.faults.watching import Found, Reader, try_mutations
from tests.formats.sample.cif.conftest import Cifs
from tui_cytpix import simulate
from tui_cytpix.errors import CytpixError, SampleError
from tui_cytpix.formats.sample.identity import spread
from tui_cytpix.formats.sample.registry import READERS, open_sample

IMAGES = 6
STACK = np.random.default_rng(3).integers(100, 900, (4, 24, 31)).astype(np.uint16)


def _archive(folder: Path) -> Path:
    simulate.write("pombe-rich", folder / "s.acs", IMAGES)
    shutil.rmtree(folder / "s.acs.truth", ignore_errors=True)
    return folder / "s.acs"


def _bin(folder: Path) -> Path:
    bins = Bins(folder)
    images = [bins.image(k, 6 + k, 9) for k in range(IMAGES)]
    return bins.new([*images, None], header="runTime: 60\ninhibitTime: 1\n")


def _cif(folder: Path) -> Path:
    cifs = Cifs(folder)
    return cifs.write([(k, cifs.picture(k, 6 + k, 7), cifs.mask(k, 6 + k, 7)) for k in range(IMAGES)])


def _cellview(folder: Path) -> Path:
    import tifffile

    for number in range(2):
        with tifffile.TiffWriter(folder / f"Cells_{number:08d}.tiff") as file:
            for name in ("SSC", "LightLoss (Blue)", "FSC"):
                page = STACK[number].astype(np.float32) / 1000
                file.write(page, extratags=[(285, 2, None, name, True)])
    return folder


def _tiff(folder: Path) -> Path:
    import tifffile

    tifffile.imwrite(folder / "stack.ome.tif", STACK, photometric="minisblack", ome=True)
    return folder / "stack.ome.tif"


def _rtdc(folder: Path) -> Path:
    import h5py

    path = folder / "m.rtdc"
    with h5py.File(path, "w") as file:
        group = file.create_group("events")
        for name in ("image", "mask"):
            group.create_dataset(name, data=(STACK % 200).astype(np.uint8), compression="gzip", fletcher32=True)
        group.create_dataset("index", data=np.arange(1.0, 5.0))
        file.attrs["imaging:pixel size"] = 0.3
    return path


def _npy(folder: Path) -> Path:
    np.save(folder / "stack.npy", STACK)
    return folder / "stack.npy"


def _folder(folder: Path) -> Path:
    for number, image in enumerate(STACK):
        Image.fromarray(image).save(folder / f"{number}.png")
        Image.fromarray(image).save(folder / f"b{number}.tif")
        Image.fromarray((image % 250).astype(np.uint8)).save(folder / f"c{number}.bmp")
    simulate.write("pombe-rich", folder / "export", 4, "export")
    return folder / "export"


MADE: dict[str, Callable[[Path], Path]] = {
    "zipped.zip_file": _archive,
    "ifcb.bin": _bin,
    "cif.cif_file": _cif,
    "stacks.cellview": _cellview,
    "stacks.tiff_stack": _tiff,
    "hdf5.rtdc": _rtdc,
    "stacks.npy": _npy,
    "folder": _folder,
}


def readers(folder: Path) -> list[Reader]:
    """One of each format in the registry.

    Raises:
        KeyError: of a format there is no sample: a new one needs a line in MADE.
    """
    found = []
    for reader in READERS:
        own = folder / reader.module
        (own / "s").mkdir(parents=True)
        path = MADE[reader.module](own / "s")
        files = sorted(file for file in (own / "s").rglob("*") if file.is_file())
        read = _reading(path)
        found.append(Reader(f"sample {reader.module}", own, files, read, starts="hdf5" in reader.module))
    return found


def _reading(path: Path) -> Callable[[], None]:
    return lambda: read_all(path)


def read_all(path: Path) -> None:
    """What `inspect` and `process` ask of a sample; the first refusal of a part is raised once all parts were tried."""
    refused: list[CytpixError] = []

    def part(read: Callable[[], object]) -> None:
        try:
            read()
        except CytpixError as error:
            refused.append(error)

    with open_sample(path) as sample:
        if not all(problem.isprintable() for problem in sample.info().problems):
            raise AssertionError("a problem can't be printed")
        part(sample.fingerprint)
        part(sample.measured_background)
        fcs = sample.open_fcs()
        for name in fcs.names if fcs else ():
            part(lambda name=name: fcs.column(name))
        for event in spread(sample.event_ids, IMAGES):
            part(lambda event=event: sample.read_image(event))
            part(lambda event=event: sample.read_masks(event))
    if refused:
        raise SampleError(refused[0].title, refused[0].detail)


def outcomes(path: Path, files: Sequence[Path], seeds: range, *, starts: bool = False) -> Found:
    """What comes of damaging `files` of the sample at `path`, one at a time.

    Raises:
        AssertionError: something else than a sample that is read or one sentence.
    """
    reader = Reader(path.name, files[0].parent, files, lambda: read_all(path), starts)
    found = try_mutations(reader, seeds, Found(), child_every=0)
    assert not found.faults, found.first
    return found
