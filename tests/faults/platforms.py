"""Other interpreters and libraries: ``python tests/faults/platforms.py PYTHON [PYTHON ...]``.

The first interpreter gets an environment in ``build/platforms`` with the oldest versions that
``pyproject.toml`` allows, the others, or it too if it is alone, with the newest; in each the tests
of the packages run. Their counts are committed in ``results/trust/v1``.
"""

import csv
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from llcbench import files

ROOT = Path(__file__).parents[2]
COUNTS = ROOT / "results" / "trust" / "v1" / "platforms.csv"
SHOWN = ("numpy", "scipy", "sympy", "torch")
COLUMNS = ("versions", "python", *SHOWN, "passed", "failed", "skipped")
EXTRAS = ("dev", "data", "dist", "slurm")
# What checks the code but is not imported by it may be as new as it likes.
TOOLS = ("ruff", "mypy", "scipy-stubs", "griffelib")
TESTS = ("tests/theory", "tests/llcbench")
REPORT = (
    "import json, platform; from importlib.metadata import version;"
    f"print(json.dumps([platform.python_version(), *map(version, {SHOWN})]))"
)
INTRODUCTION = """
## Platforms

The tests of `theory` and `llcbench` with other interpreters and with the oldest and newest versions
that are allowed. Tests of packages that are not installed there are skipped.
"""


def oldest() -> list[str]:
    """Return the requirements of the project with every lower bound as the version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for extra in EXTRAS for line in optional[extra])]
    names = [re.split(r"[\[<>=]", line)[0] for line in wanted]
    pairs = zip(names, wanted, strict=True)
    return [line if name in TOOLS else line.replace(">=", "==") for name, line in pairs]


def environment(interpreter: str, versions: str) -> Path:
    """Make an environment, once, and return its interpreter."""
    folder = ROOT / "build" / "platforms" / f"{Path(interpreter).parent.parent.name}-{versions}"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
        wanted = oldest() if versions == "oldest" else [f"{ROOT}[{','.join(EXTRAS)}]"]
        pip = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
        subprocess.run([*pip, "--upgrade", *wanted], check=True)
        ready.touch()
    command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--editable", ROOT]
    subprocess.run(command, check=True)
    return python


def tested(python: Path, versions: str) -> list[str]:
    """Run the tests and return the line of the table."""
    # Commands that tests start are those of this environment.
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    own = {**os.environ, "OMP_NUM_THREADS": "1", "PATH": path}
    own.pop("PYTHONPATH", None)
    command = [python, "-m", "pytest", "-n", "2", "--dist", "worksteal", *TESTS]
    run = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True)
    log = python.parents[1] / "tests.txt"
    log.write_text(run.stdout + run.stderr)
    last = run.stdout.strip().splitlines()[-1] if run.stdout.strip() else ""
    counts = {word: number for number, word in re.findall(r"(\d+) (passed|failed|skipped)", last)}
    if "passed" not in counts:
        raise SystemExit(f"the tests did not run to their end, see {log}")
    shown = subprocess.run([python, "-c", REPORT], capture_output=True, text=True, check=True)
    made = re.findall(r'"(.*?)"', shown.stdout)
    return [versions, *made, *(counts.get(word, "0") for word in COLUMNS[-3:])]


def section() -> str:
    """Return the section of the page."""
    if not COUNTS.exists():
        return ""
    with COUNTS.open(newline="") as handle:
        head, *rows = csv.reader(handle)
    lines = [head, ["---"] * len(head), *rows]
    return INTRODUCTION + "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(interpreters: list[str]) -> None:
    first, *others = interpreters
    chosen = [(first, "oldest"), *((path, "newest") for path in others or [first])]
    rows = [tested(environment(path, versions), versions) for path, versions in chosen]
    with files.replacing(COUNTS) as temporary, temporary.open("w", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    if not sys.argv[1:]:
        raise SystemExit(__doc__.splitlines()[0])
    main(sys.argv[1:])
