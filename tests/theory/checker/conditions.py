"""The conditions of the checkers, found in their source, and which of them rejects a certificate.

A condition is a call of ``require`` or ``need``, or a ``raise``, in `theory.checker`. Its name is
the module, the function and the text of its message, so that it survives other changes of the file.
"""

import ast
import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import theory.checker
from theory.algebra.ring import polynomial_ring, read
from theory.checker import base, zeros
from theory.checker.verify import check

FOLDER = Path(theory.checker.__file__).parent
HELPERS = ("require", "need")
# The helpers themselves, and where an error of another kind gets its path.
NO_CONDITION = {
    "base.require: reason",
    "zeros.need: reason",
    "verify.check: f'malformed certificate: {defect(error)}'",
    "verify._check: f'{path} ({node.rule}): {error}'",
}


class Condition(NamedTuple):
    """One place that can reject a certificate.

    Attributes:
        name: Module, function and message.
        path: File.
        first: First line of the statement.
        last: Last line.
        helper: Whether it is a call of a helper, which `without` can leave out.
    """

    name: str
    path: str
    first: int
    last: int
    helper: bool


@cache
def conditions() -> dict[str, Condition]:
    """Return all conditions by name."""
    listed: dict[str, Condition] = {}
    for path in sorted(FOLDER.glob("*.py")):
        seen: Counter[str] = Counter()
        for function, node, message, helper in _sites(ast.parse(path.read_text("utf-8"))):
            name = f"{path.stem}.{function}: {message}"
            if name in NO_CONDITION:
                continue
            seen[name] += 1
            if seen[name] > 1:
                name = f"{name} #{seen[name]}"
            listed[name] = Condition(name, str(path), node.lineno, node.end_lineno or 0, helper)
    return listed


def _sites(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.expr, str, bool]]:
    for node in ast.iter_child_nodes(tree):
        inner = function
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            inner = f"{function}.{node.name}".lstrip(".")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in HELPERS:
                yield function, node, _text(node.args[1]), True
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield function, node.exc, _text(node.exc.args[0]), False
        yield from _sites(node, inner)


def _text(message: ast.expr) -> str:
    if isinstance(message, ast.Constant):
        return str(message.value)
    text = ast.unparse(message)
    # Which quotes Python writes around a formatted text depends on its version.
    inner = text[2:-1]
    quote = '"' if "'" in inner else "'"
    return f"f{quote}{inner}{quote}" if isinstance(message, ast.JoinedStr) else text


def condition_at(path: str, line: int) -> str | None:
    """Return the name of the condition at a line of a file."""
    for name, site in conditions().items():
        if site.path == path and site.first <= line <= site.last:
            return name
    return None


def rejecting(call: Callable[[], object]) -> str | None:
    """Return the condition that rejects, None if nothing does, ``"?"`` for an error elsewhere."""
    try:
        call()
    except Exception as error:
        first: BaseException = error
        while first.__context__ is not None:
            first = first.__context__
        return _innermost(first.__traceback__) or "?"
    return None


def _innermost(trace: TracebackType | None) -> str | None:
    """Return the condition that raised: a helper in its call, or the statement itself."""
    frames = []
    while trace is not None:
        frames.append((trace.tb_frame.f_code, trace.tb_lineno))
        trace = trace.tb_next
    helped = frames[-1][0].co_name in HELPERS
    while len(frames) > 1 and frames[-1][0].co_name in (*HELPERS, "_lenient"):
        frames.pop()
    code, line = frames[-1]
    name = condition_at(code.co_filename, line)
    return name if name is not None and conditions()[name].helper == helped else None


@contextmanager
def without(name: str) -> Iterator[None]:
    """Leave one condition out of the checkers."""
    kept = []
    for path in FOLDER.glob("*.py"):
        module = importlib.import_module(f"theory.checker.{path.stem}".removesuffix(".__init__"))
        for helper in HELPERS:
            if helper in vars(module):
                kept.append((module, helper, getattr(module, helper)))
                setattr(module, helper, _leaving_out(name, getattr(module, helper)))
    try:
        yield
    finally:
        for module, helper, own in kept:
            setattr(module, helper, own)


def _leaving_out(name: str, own: Callable[[object, str], None]) -> Callable[[object, str], None]:
    site = conditions()[name]

    def _lenient(condition: object, reason: str) -> None:
        frame = sys._getframe(1)
        here = frame.f_code.co_filename == site.path and site.first <= frame.f_lineno <= site.last
        if not here:
            own(condition, reason)

    return _lenient


def judge(subject: dict[str, Any]) -> Callable[[], object]:
    """Return the call that accepts or rejects a certificate, or a witness with its system."""
    if "witness" not in subject or "equations" not in subject:
        return lambda: check(subject)
    ring = polynomial_ring(("x", "y", "z"))

    def run() -> None:
        system = [read(ring, text) for text in subject["equations"]]
        nonzero = [read(ring, text) for text in subject["nonzero"]]
        answer = zeros.replay(system, nonzero, subject["witness"])
        # What a witness proves that is not the truth is a rejection in itself.
        if answer != subject["answer"]:
            raise base.CertificateError("the opposite")

    return run
