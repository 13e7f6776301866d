"""The list of mutations: small, semantic, each with the tests that should notice it."""

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import final

ROOT = Path(__file__).parents[3]
AREAS = Path(__file__).parent / "areas"


@final
@dataclass(frozen=True)
class Mutation:
    """One change of one place.

    Attributes:
        id: Its name, unique in the list.
        area: Part of the product, the stem of the file that lists it.
        file: Source, relative to the root of the tree.
        old: Text that occurs once in the source.
        new: What it becomes.
        meaning: What is wrong then, in a line.
        tests: Tests that mirror the module, as paths or ids that pytest takes.
        reason: Why it may survive, empty if it must not.
    """

    id: str
    area: str
    file: str
    old: str
    new: str
    meaning: str
    tests: tuple[str, ...]
    reason: str = ""

    def applied(self, source: str) -> str:
        """Return the source with the change made.

        Raises:
            ValueError: If the old text does not occur exactly once, nothing would change, or the
                outcome is no Python.
        """
        count = source.count(self.old)
        if count != 1:
            raise ValueError(f"{self.id}: its text occurs {count} times in {self.file}, not once")
        mutated = source.replace(self.old, self.new)
        try:
            same = ast.dump(ast.parse(mutated)) == ast.dump(ast.parse(source))
        except SyntaxError as error:
            raise ValueError(f"{self.id}: {self.file} would be no Python: {error}") from None
        if same:
            raise ValueError(f"{self.id}: {self.file} would mean the same")
        return mutated


def mutations(areas: Path = AREAS) -> list[Mutation]:
    """Return all mutations, area by area.

    A file of an area has tables ``[[file]]`` with ``path`` and ``tests``, and in each of them
    ``[[file.mutation]]`` with ``id``, ``old``, ``new``, ``meaning`` and, if the tests of the file
    are not those to run, ``tests`` of its own.

    Raises:
        ValueError: If two have one name.
    """
    listed = []
    for path in sorted(areas.glob("*.toml")):
        for file in tomllib.loads(path.read_text(encoding="utf-8"))["file"]:
            for entry in file["mutation"]:
                tests = tuple(entry.pop("tests", file["tests"]))
                listed.append(Mutation(area=path.stem, file=file["path"], tests=tests, **entry))
    names = [mutation.id for mutation in listed]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two mutations have one name: {', '.join(twice)}")
    return listed
