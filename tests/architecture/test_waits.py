"""No test waits for ever: every wait has a limit, and every child process is one that `tests.children` ends."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
LIMITS = ("monotonic", "is_set")  # one of these ends a loop


def endless(tree: ast.Module) -> Iterator[str]:
    """The waits that nothing ends, as `line: code`."""
    for node in ast.walk(tree):
        code = ast.unparse(node) if isinstance(node, ast.Call | ast.While) else ""
        match node:
            case ast.Call(func=ast.Attribute(attr="wait" | "communicate" | "join"), args=[], keywords=[]):
                yield f"{node.lineno}: {code}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess"))):
                yield f"{node.lineno}: {code}"
            case ast.While() if any(word in code for word in ("sleep(", "pass")):
                if not any(limit in code for limit in LIMITS):
                    yield f"{node.lineno}: {code}"


@pytest.mark.parametrize(
    "code",
    [
        "process.wait()",
        "thread.join()",
        "process.communicate()",
        "subprocess.run(['x'], timeout=5)",
        "subprocess.Popen(['x'])",
        "while not done():\n    time.sleep(1)",
        "while not done():\n    pass",
    ],
)
def test_a_wait_without_a_limit_is_found(code: str) -> None:
    assert list(endless(ast.parse(code)))


def test_every_wait_has_a_limit() -> None:
    files = [path for path in TESTS.rglob("*.py") if "benchmarks" not in path.parts and path.stem != "children"]
    found = [f"{path.name}:{one}" for path in files for one in endless(ast.parse(path.read_text("utf-8")))]
    assert not found
