"""The reference of the public names, written from their docstrings.

    python docs/make_api.py [docs/api.md]

Signatures are those of the source, so that annotations read as they were written, whatever the
version of Python.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

DEFAULT = "docs/api.md"
HEAD = """# Reference

Written by `python docs/make_api.py` from the docstrings of the public names; do not edit by hand.
Everything else may change without notice.
"""
PACKAGES = {
    "llcbench": "The benchmark; names are loaded on first use",
    "llcbench.testing": "The conformance kit of samplers",
    "theory": "Exact mathematics; never imports torch",
}
# Sections of a docstring whose entries are `name: what it is`.
_LISTED = ("Args", "Attributes", "Raises")
_SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields|Source|Example):\s*(.*)")
_ENTRY = re.compile(r"([A-Za-z_*][\w*, ]*): (.*)")
Definition = ast.FunctionDef | ast.ClassDef


def public_names(package: str) -> list[str]:
    """Return the names that users of a package import from it, sorted."""
    module = import_module(package)
    if "__dir__" in vars(module):
        return sorted(name for name in dir(module) if not name.startswith("_"))
    names = []
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.ImportFrom):  # re-exported: imported under its own name
            names += [alias.name for alias in node.names if alias.asname == alias.name]
    return sorted(name for name in names if not name.startswith("_"))


def slug(heading: str, taken: list[str]) -> str:
    """Return the anchor that a heading has, given those above it, which it is added to."""
    plain = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
    anchor = f"{plain}-{taken.count(plain)}" if plain in taken else plain
    taken.append(plain)
    return anchor


def render() -> str:
    """Return the whole page."""
    parts = [HEAD]
    taken = [slug("Reference", [])]
    for package, what in PACKAGES.items():
        names = public_names(package)
        slug(package, taken)
        links = [f"[{name}](#{slug(f'{package}.{name}', taken)})" for name in names]
        parts.append(f"## {package}\n\n{what}.\n\n{', '.join(links)}\n")
        module = import_module(package)
        parts += [_entry(f"{package}.{name}", getattr(module, name)) for name in names]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def main(path: Path) -> None:
    """Write the page to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(), encoding="utf-8")
    print(f"written: {path}")


def _entry(title: str, thing: Any) -> str:
    if isinstance(thing, ModuleType):
        return _module(title, thing)
    node = _definition(thing)
    lines = [f"### {title}", "", "```python", *_signature(title.rpartition(".")[2], node), "```"]
    lines += ["", _markdown(inspect.getdoc(thing) or "")]
    if isinstance(node, ast.ClassDef):
        members = [_member(method) for method in _methods(node)]
        lines += ["**Members**", "", *members] if members else []
    return "\n".join(lines).rstrip() + "\n"


def _module(title: str, module: ModuleType) -> str:
    """Return a module with one line for each of its own names."""
    lines = [f"### {title}", "", _markdown(inspect.getdoc(module) or ""), ""]
    for name, thing in sorted(vars(module).items()):
        if not name.startswith("_") and _is_own(thing, module.__name__):
            node = _definition(thing)
            shown = "" if isinstance(node, ast.ClassDef) else f"({_arguments(node, False)})"
            lines.append(f"- `{name}{shown}`: {_first(ast.get_docstring(node))}")
    return "\n".join(lines) + "\n"


def _is_own(thing: Any, package: str) -> bool:
    here = str(getattr(thing, "__module__", "")).split(".")
    return (inspect.isfunction(thing) or inspect.isclass(thing)) and (
        here[: package.count(".") + 1] == package.split(".")
    )


def _definition(thing: Callable[..., Any] | type) -> Definition:
    node = ast.parse(dedent(inspect.getsource(thing))).body[0]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    return node


def _signature(name: str, node: Definition) -> list[str]:
    """Return a call with everything that it takes, one argument a line if they are many."""
    if isinstance(node, ast.ClassDef):
        fields = list(_fields(node))
        bases = [ast.unparse(base) for base in node.bases]
        if not fields:
            return [f"class {name}({', '.join(bases)})" if bases else f"class {name}"]
        head, items, tail = f"class {name}", fields, ""
    else:
        items = _split(node.args)
        head, tail = f"def {name}", f" -> {ast.unparse(node.returns)}" if node.returns else ""
    whole = f"{head}({', '.join(items)}){tail}"
    return [whole] if len(whole) <= 100 else [f"{head}(", *(f"    {i}," for i in items), f"){tail}"]


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """Yield the arguments of a data class, of a named tuple or of a struct."""
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        words = item.value.keywords if isinstance(item.value, ast.Call) else []
        options = {word.arg: ast.unparse(word.value) for word in words}
        if item.target.id.startswith("_") or options.get("init") == "False":
            continue
        default = "" if item.value is None else f" = {ast.unparse(item.value)}"
        if "default_factory" in options:
            default = f" = {options['default_factory']}()"
        yield f"{item.target.id}: {ast.unparse(item.annotation)}{default}"


def _split(arguments: ast.arguments) -> list[str]:
    """Return the arguments with their annotations and defaults, markers included."""
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = [None] * (len(positional) - len(arguments.defaults))
    found = [_one(*pair) for pair in zip(positional, [*missing, *arguments.defaults], strict=True)]
    if arguments.posonlyargs:
        found.insert(len(arguments.posonlyargs), "/")
    if arguments.vararg is not None:
        found.append(f"*{_one(arguments.vararg, None)}")
    elif arguments.kwonlyargs:
        found.append("*")
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    found += [_one(argument, default) for argument, default in named]
    if arguments.kwarg is not None:
        found.append(f"**{_one(arguments.kwarg, None)}")
    return [item for item in found if item not in ("self", "cls")]


def _one(argument: ast.arg, default: ast.expr | None) -> str:
    annotation = "" if argument.annotation is None else f": {ast.unparse(argument.annotation)}"
    between = " = " if annotation else "="
    return f"{argument.arg}{annotation}{'' if default is None else between + ast.unparse(default)}"


def _arguments(node: ast.FunctionDef, annotated: bool = True) -> str:
    """Return the arguments on one line."""
    items = _split(node.args)
    return ", ".join(items if annotated else [re.split(r"[:=]", item)[0] for item in items])


def _methods(node: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and not item.name.startswith("_"):
            yield item


def _member(node: ast.FunctionDef) -> str:
    kinds = {ast.unparse(decorator) for decorator in node.decorator_list}
    shown = node.name if kinds & {"property", "cached_property"} else None
    shown = shown or f"{node.name}({_arguments(node, False)})"
    return f"- `.{shown}`: {_first(ast.get_docstring(node))}"


def _first(text: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join(_plain((text or "").partition("\n\n")[0]).split())


def _markdown(text: str) -> str:
    """Return a docstring with its sections as lists."""
    lines: list[str] = []
    section = ""
    for line in text.splitlines():
        found = _SECTION.fullmatch(line)
        entry = _ENTRY.fullmatch(line.strip())
        if found is not None:
            section = found[1]
            lines += ["", f"**{section}**", "", *([_plain(found[2])] if found[2] else [])]
        elif section in _LISTED and entry is not None and line.startswith("    " + line.strip()[0]):
            lines.append(f"- `{entry[1]}`: {_plain(entry[2])}")
        else:
            code = line.startswith("    ") and not section
            lines.append(line if code else _indented(section, line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _indented(section: str, line: str) -> str:
    inside = "  " if section in _LISTED and line.strip() else ""
    return inside + _plain(line.strip())


def _plain(text: str) -> str:
    return text.replace("``", "`").replace("::", ":")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else DEFAULT))
