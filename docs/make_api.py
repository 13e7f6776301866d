"""The reference of the public names, written from their docstrings.

    python docs/make_api.py [docs/api.md]

Signatures are those of the source, so that annotations read as they were written, whatever the
version of Python.
"""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import isclass, isfunction, ismodule
from pathlib import Path
from types import ModuleType
from typing import Any

import griffe
from griffe import DocstringSection, DocstringSectionKind, Object, ParameterKind

from llcbench.files import write

DEFAULT = "docs/api.md"
HEAD = """# Reference

Written by `python docs/make_api.py` from the docstrings of the public names; do not edit by hand.
Everything else may change without notice.
"""
PACKAGES = {
    "llcbench": "The benchmark; names are loaded on first use",
    "llcbench.testing": "The conformance kit of samplers, types of the fixtures of pytest",
    "theory": "Exact mathematics; never imports torch",
}
# Characters of a signature on one line.
WIDTH = 100
# Before the name of an argument.
_STARS = {ParameterKind.var_positional: "*", ParameterKind.var_keyword: "**"}


def public_names(package: str) -> list[str]:
    """Return the names that users of a package import from it, sorted."""
    return sorted(name for name in dir(import_module(package)) if not name.startswith("_"))


def slug(heading: str, taken: list[str]) -> str:
    """Return the anchor that a heading has, given those above it, which it is added to."""
    plain = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
    anchor = f"{plain}-{taken.count(plain)}" if plain in taken else plain
    taken.append(plain)
    return anchor


def render() -> str:
    """Return the whole page."""
    options = griffe.GoogleOptions(returns_multiple_items=False, warnings=False)
    loader = griffe.GriffeLoader(docstring_parser="google", docstring_options=options)
    for package in {name.partition(".")[0] for name in PACKAGES}:
        loader.load(package)
    parts = [HEAD]
    taken = [slug("Reference", [])]
    for package, what in PACKAGES.items():
        names = public_names(package)
        slug(package, taken)
        links = [f"[{name}](#{slug(f'{package}.{name}', taken)})" for name in names]
        parts.append(f"## {package}\n\n{what}.\n\n{', '.join(links)}\n")
        for name in names:
            held = getattr(import_module(package), name)
            parts.append(_entry(f"{package}.{name}", held, loader.modules_collection[_path(held)]))
    return "\n".join(parts)


def main(path: Path) -> None:
    """Write the page to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, render())
    print(f"written: {path}")


def _path(held: Any) -> str:
    return held.__name__ if ismodule(held) else f"{held.__module__}.{held.__qualname__}"


def _entry(title: str, held: object, item: Object) -> str:
    """Return a heading, the signature, the docstring, and a line for each member."""
    parts = [f"### {title}"]
    if not item.is_module:
        parts.append(f"```python\n{_signature(title.rpartition('.')[2], item)}\n```")
    parts += _sections(item)
    members = [_member(item, each) for each in _members(held, item)]
    if members:
        parts += [*([] if item.is_module else ["**Members**"]), "\n".join(members)]
    return "\n\n".join(parts) + "\n"


def _signature(name: str, item: Object) -> str:
    """Return a call with everything that it takes, one argument per line if it is long."""
    items = list(_arguments(item))
    if item.is_function:
        head, tail = f"def {name}", f" -> {item.returns}" if item.returns else ""
    else:
        head, tail = f"class {name}", ""
        items = items or [str(base) for base in item.bases]
        if not items:
            return head
    whole = f"{head}({', '.join(items)}){tail}"
    broken = "".join(f"    {each},\n" for each in items)
    return whole if len(whole) <= WIDTH else f"{head}(\n{broken}){tail}"


def _arguments(item: Object, annotated: bool = True) -> Iterator[str]:
    """Yield what a function, a data class, a named tuple or a struct takes."""
    starred, positional = False, False
    for each in item.parameters or _fields(item):
        if each.name in ("self", "cls"):
            continue
        if positional and each.kind is not ParameterKind.positional_only:
            yield "/"
        positional = each.kind is ParameterKind.positional_only
        if each.kind is ParameterKind.keyword_only and not starred:
            yield "*"
        starred |= each.kind in (ParameterKind.keyword_only, ParameterKind.var_positional)
        text = f"{_STARS.get(each.kind, '')}{each.name}"
        if annotated and each.annotation is not None:
            text += f": {each.annotation}"
        if annotated and each.default is not None and each.kind not in _STARS:
            between = "=" if each.annotation is None else " = "
            text += f"{between}{each.default}"
        yield text


def _fields(item: Object) -> Iterator[griffe.Parameter]:
    for each in item.attributes.values():
        if each.annotation is not None and "property" not in each.labels and each.is_public:
            yield griffe.Parameter(each.name, annotation=each.annotation, default=each.value)


def _members(held: object, item: Object) -> list[Object]:
    """Return the public methods of a class in their order, or the own names of a module, sorted."""
    if isinstance(held, ModuleType):
        own = [each for name, each in sorted(vars(held).items()) if name[0] != "_"
               and (isfunction(each) or isclass(each))]  # fmt: skip
        paths = [path for path in map(_path, own) if path.startswith(f"{held.__name__}.")]
        return [item.modules_collection[path] for path in paths]
    named = [each for name, each in item.members.items() if name[0] != "_" and item.is_class]
    return [each for each in named if each.is_function or "property" in each.labels]


def _member(owner: Object, item: Object) -> str:
    call = f"({', '.join(_arguments(item, annotated=False))})" if item.is_function else ""
    text = item.docstring.value if item.docstring else ""
    first = " ".join(_plain(text.partition("\n\n")[0]).split())
    return f"- `{'' if owner.is_module else '.'}{item.name}{call}`: {first}"


def _sections(item: Object) -> Iterator[str]:
    """Yield the sections of a docstring in Markdown."""
    for section in item.docstring.parsed if item.docstring else ():
        if section.kind is DocstringSectionKind.text:
            yield _plain(section.value)
        elif section.kind is DocstringSectionKind.admonition:
            yield f"**{section.title}**"
            yield _plain(section.value.description)
        else:
            yield f"**{section.kind.value.capitalize()}**"
            yield "\n".join(_listed(section))


def _listed(section: DocstringSection) -> Iterator[str]:
    for each in section.value:
        text = _plain(each.description)
        if section.kind in (DocstringSectionKind.returns, DocstringSectionKind.yields):
            yield text
        else:
            name = getattr(each, "name", "") or each.annotation
            yield f"- `{name}`: {text}".replace("\n", "\n  ")


def _plain(text: str) -> str:
    return text.replace("``", "`").replace("::", ":")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else DEFAULT))
