"""Every file goes through one atomic writer: by the syntax tree, and on a disk that is full."""

import ast
import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import full_disk
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [
    path
    for package in ("llcbench", "theory", "paper_figures", "docs")
    for path in sorted((ROOT / package).rglob("*.py"))
]
# The two writers, and what is no file of a user.
ALLOWED = {
    "llcbench/files.py": "the writer",
    "theory/files.py": "the writer of what knows nothing of llcbench",
    "llcbench/run/progress.py": "counts that are read while they are written, and then removed",
    "llcbench/provenance.py": "a switch of the kernel",
    "llcbench/cli/main.py": "the null device",
    "llcbench/peers/worker_process.py": "standard output, kept from what a package prints",
}
WRITING = {
    "write_text", "write_bytes", "touch", "symlink_to", "hardlink_to", "savefig", "imsave", "save",
    "savez", "savez_compressed", "savetxt", "tofile", "dump", "to_csv", "to_json", "to_pickle",
    "copy", "copy2", "copyfile", "copytree", "move", "replace", "rename", "link", "symlink",
    "mkstemp", "NamedTemporaryFile", "urlretrieve", "save_file",
}  # fmt: skip
# Of these names, what counts is the module: texts have `replace`, tensors `copy`.
MODULES = {
    "copy": {"shutil"}, "copy2": {"shutil"}, "copyfile": {"shutil"}, "copytree": {"shutil"},
    "move": {"shutil"}, "replace": {"os"}, "rename": {"os"}, "link": {"os"}, "symlink": {"os"},
    "save": {"np", "numpy", "torch"}, "savez": {"np", "numpy"}, "dump": {"json", "pickle", "torch"},
    "to_json": {"frame"}, "to_csv": {"frame"},
}  # fmt: skip


def writers(source: str) -> Iterator[str]:
    """Yield the calls that write into a file, unless `replacing` gives it or it is in memory."""
    tree = ast.parse(source)
    safe = set(_safe(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        owner = called.value.id if _is_name(called) else ""
        named = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        writes = name in WRITING and (name not in MODULES or owner in MODULES[name])
        if name in ("open", "fdopen"):
            texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
            flags = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
            writes = any(isinstance(t, str) and set(t) & set("wax+") and len(t) < 4 for t in texts)
            writes = writes or bool(flags & {"O_WRONLY", "O_RDWR", "O_CREAT"})
        if writes and not named & safe:
            yield f"line {node.lineno}: {name}"


def _is_name(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name)


def _safe(tree: ast.AST) -> Iterator[str]:
    """Yield the names of files from `replacing`, of handles on them, and of files in memory."""
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            if "replacing" in ast.dump(node.context_expr):
                yield node.optional_vars.id
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = ast.dump(node.value)
            if "'StringIO'" in text or "'BytesIO'" in text:
                yield node.targets[0].id
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.withitem)
            and isinstance(node.optional_vars, ast.Name)
            and "id='temporary'" in ast.dump(node.context_expr)
        ):
            yield node.optional_vars.id


def test_nothing_is_written_but_by_the_writers() -> None:
    places = {}
    for path in SOURCES:
        calls = list(writers(path.read_text(encoding="utf-8")))
        if calls:
            places[str(path.relative_to(ROOT))] = calls
    assert {name: calls for name, calls in places.items() if name not in ALLOWED} == {}
    # Each permission is in use.
    assert set(ALLOWED) <= set(places)


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("path.write_text('a')", 1),
        ("Path('a').open('w', newline='')", 1),
        ("open(path, mode='ab')", 1),
        ("gzip.open(path, 'wb')", 1),
        ("open(path, 'r+')", 1),
        ("os.open(path, os.O_CREAT | os.O_WRONLY)", 1),
        ("figure.savefig(path, format='png')", 1),
        ("torch.save(state, path)", 1),
        ("np.savez(path, a=1)", 1),
        ("json.dump(value, handle)", 1),
        ("shutil.copy(a, b)", 1),
        ("with replacing(path) as temporary:\n    path.write_text('a')", 1),
        ("open(path)", 0),
        ("path.open(encoding='utf-8', newline='')", 0),
        ("text.replace('a', 'b')", 0),
        ("with replacing(path) as temporary:\n    torch.save(state, temporary)", 0),
        ("handle = io.BytesIO()\nfigure.savefig(handle)", 0),
        (
            "with replacing(p) as temporary, temporary.open('wb') as handle:\n"
            "    np.savez(handle, a=1)",
            0,
        ),
    ],
)
def test_writers_are_recognised(source: str, number: int) -> None:
    assert len(list(writers(source))) == number


LIMITED = (
    full_disk.SOURCE
    + """
from pathlib import Path
full_disk(2000)
folder = Path(sys.argv[1])

def checkpoint(path):
    import torch
    from llcbench.sampling.checkpoint import Checkpoint
    kept = Checkpoint(path)
    kept.write({"a": torch.zeros(5000)})
    print(*kept.lines)

def figure(path):
    from matplotlib.figure import Figure
    from llcbench.report.style import save
    drawn = Figure()
    drawn.subplots().plot(range(1000), range(1000))
    save(drawn, path)

def catalogue(path):
    from theory.families.catalogue import write
    write(path.parent)

def numbers(path):
    from llcbench.peers.work import WORKLOADS, make
    make(WORKLOADS["small"], path)

def rows(path):
    from llcbench.report.figures.rows import write_rows
    write_rows(path, [{"a": k} for k in range(5000)])

def germs(path):
    from theory.files import write
    write(path, "a" * 5000)

def site(path):
    from llcbench.report.site.layout import Site
    Site(path.parent, {}, {}, []).save(path.name, "a" * 5000)

WRITERS = {
    "a.svg": figure, "a.png": figure, "families.md": catalogue, "a.npz": numbers, "a.csv": rows,
    "b.csv": germs, "a.html": site, "k/a.pt": checkpoint,
}
for name, writer in WRITERS.items():
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("old")
    try:
        writer(path)
        said = "nothing"
    except (OSError, ValueError) as error:
        said = type(error).__name__
    print(name, said, path.read_text(), len([*path.parent.glob("*.tmp")]), sep=",")
"""
)


def test_every_writer_leaves_the_old_file_where_there_is_no_room(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, *lines = sorted(csv.reader(done.stdout.splitlines()), key=len)
    assert "a run goes on without checkpoints: a.pt cannot be written" in first[0]
    assert len(lines) == 8
    for name, said, content, left in lines:
        assert said == ("nothing" if name == "k/a.pt" else "OSError"), name
        assert (content, left) == ("old", "0"), name
    assert done.stderr == ""


def test_theory_writes_whole_files(tmp_path: Path) -> None:
    from theory.files import write

    path = tmp_path / "new" / "a.csv"
    for text in ("é\n", "b\r\n"):
        write(path, text)
        assert path.read_bytes() == text.encode()
    assert os.listdir(path.parent) == ["a.csv"]


def test_no_limited_process_leaves_cut_bytecode() -> None:
    """Modules beside their source would be broken for whoever comes next."""
    folder = Path(__file__).parent
    limits = [
        path.name for path in folder.rglob("*.py")
        if "RLIMIT_" + "FSIZE" in path.read_text(encoding="utf-8")
    ]  # fmt: skip
    assert limits == ["full_disk.py"]
    lines = full_disk.SOURCE.splitlines()
    order = [next(i for i, line in enumerate(lines) if word in line)
             for word in ("dont_write_bytecode", "setrlimit")]  # fmt: skip
    assert order == sorted(order)
