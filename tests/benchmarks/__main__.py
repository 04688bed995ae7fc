"""`python -m tests.benchmarks` lists the benchmarks; with a name, it runs that one and prints its table."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from tests import benchmarks


def main(arguments: list[str]) -> int:
    names = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith(("_", "test_"))]
    if not arguments or arguments[0] not in names:
        for name in names:
            module = importlib.import_module(f"tests.benchmarks.{name}")
            print(f"{name:20} {(module.__doc__ or '').splitlines()[0]}")
        return 0 if not arguments else 2
    return int(importlib.import_module(f"tests.benchmarks.{arguments[0]}").main(arguments[1:]) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
