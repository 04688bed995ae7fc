"""Compiles the C files beside this one into one library, which `library` loads.

hatchling does so for wheels and for editable installs (`get_build_hook`, named in pyproject.toml). In a checkout that
is run without either, and whenever a C file has changed: `python -m tui_cytpix.core.kernel.build`. Where there is no
compiler, there is no library, and NumPy and OpenCV do the same work, more slowly.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIBRARY = HERE / "kernel.so"
# No contraction: a product and a sum that are rounded once would differ from NumPy's. Nobody looks at the processor's
# flags of exceptions: loops with conditions can be vectorised then.
_MATHS = ("-ffp-contract=off", "-fno-trapping-math", "-fno-math-errno")
FLAGS = ("-std=c11", "-O3", *_MATHS, "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
COMPILERS = ("cc", "gcc", "clang")
_SECONDS = 120


def sources_hash() -> int:
    """Of the C files: a library that was compiled from others has other functions, and must not be called."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(HERE.glob("*.[ch]"))))
    return int.from_bytes(digest.digest()[:4])


def compiled(more: tuple[str, ...] = ()) -> str:
    """Makes the library, in place of one that is there. Options may be added: `-fsanitize=address,undefined`.

    Returns:
        Why there is none; "" where there is.
    """
    LIBRARY.unlink(missing_ok=True)
    compiler = shlex.split(os.environ.get("CC", "")) or list(filter(None, map(shutil.which, COMPILERS)))[:1]
    if not compiler:
        return "there is no C compiler"
    sources = [str(path) for path in sorted(HERE.glob("*.c"))]
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        aside = Path(folder) / LIBRARY.name
        command = [*compiler, *FLAGS, f"-DSOURCES_HASH={sources_hash()}u", *more, *sources, "-lm", "-o", str(aside)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{compiler[0]} could not be run: {error}"
        if done.returncode:
            return f"{compiler[0]} failed: {done.stderr.strip()[:1000]}"
        aside.replace(LIBRARY)
    return ""


def get_build_hook() -> type[Any]:
    """What hatchling calls while it makes a wheel, an editable one too; only then is there a hatchling."""
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class KernelHook(BuildHookInterface):  # type: ignore[misc]
        def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
            if why := compiled():
                self.app.display_warning(f"tui-cytpix is installed without its compiled library, and slower: {why}.")
                return
            # Of this system and processor, but of every Python: nothing of Python's is in it.
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data |= {"pure_python": False, "tag": f"py3-none-{platform}"}
            build_data["artifacts"].append(f"/{LIBRARY.relative_to(self.root).as_posix()}")

    return KernelHook


if __name__ == "__main__":
    sys.exit(compiled(tuple(sys.argv[1:])) or None)
