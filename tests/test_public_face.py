"""Public names are typed and lazy, and they are all that documents and tutorials import."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import llcbench

ROOT = Path(__file__).parents[1]
PUBLIC = {"llcbench", "llcbench.testing", "theory"}
# Right in every line: a strict checker has nothing to say.
SCRIPT = '''"""Estimate a coefficient with a sampler of one's own."""

import torch
from torch import Tensor

import llcbench


@llcbench.sampler("drift")
def drift(
    theta: Tensor, target: llcbench.Target, rng: torch.Generator, *, step_size: float = 1e-4
) -> tuple[Tensor, Tensor]:
    _, grad, loss = target.potential_and_grad(theta)
    noise = torch.empty_like(theta).normal_(generator=rng)
    return theta - step_size / 2 * grad + step_size**0.5 * noise, loss


problem: llcbench.Problem = llcbench.problem("poly/x2y2")
settings = llcbench.Settings(nbeta=1e3, num_chains=4, num_draws=40, num_burnin=10)
context = llcbench.RunContext(seeds=llcbench.Seeds(1, problem.id))
estimator = llcbench.MeanEnergy(llcbench.MALA(spread=2), settings)
estimate: llcbench.Estimate = estimator.estimate(problem, context)
error: float | None = estimate.stderr
exact: str = str(problem.truth.local)
records: list[llcbench.RunRecord] = llcbench.run_suite(
    "smoke", problems=["poly/x2"], samplers=["mala", "drift"], replicates=1, progress=False
)
scores: list[llcbench.Score] = llcbench.score(records)
board: llcbench.Board = llcbench.leaderboard(records)
print(llcbench.to_text(board), exact, error, [score.bias for score in scores])
'''
TYPOS = {
    "a setting": ("num_chains=4", "num_chain=4", "num_chain"),
    "a field": ("estimate.stderr", "estimate.std_err", "std_err"),
    "a type": ("MALA(spread=2)", 'MALA(spread="2")', "incompatible type"),
    "a name": ("llcbench.score(", "llcbench.scores_of(", "scores_of"),
}


def imported(source: str) -> set[str]:
    """Return the modules of ours that a source imports."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    return {name for name in modules if name.split(".")[0] in ("llcbench", "theory")}


def examples() -> dict[str, str]:
    """Return the Python that a reader is shown, by where it stands."""
    results = {path.name: path.read_text("utf-8") for path in (ROOT / "tutorials").glob("*.py")}
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        if page.name != "api.md":
            blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
            results |= {f"{page.name} #{number}": text for number, text in enumerate(blocks)}
    return results


def test_documents_and_tutorials_import_public_names_only() -> None:
    shown = examples()
    print(f"{len(shown)} tutorials and blocks of code")
    assert len(shown) >= 15
    private = {name: sorted(imported(text) - PUBLIC) for name, text in shown.items()}
    assert {name: modules for name, modules in private.items() if modules} == {}
    assert imported("from llcbench.run.plan import expand\nimport os") == {"llcbench.run.plan"}


def test_every_public_name_is_typed_and_lazy() -> None:
    for package in sorted(PUBLIC):
        module = import_module(package)
        tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
        typed = {
            alias.asname
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.asname == alias.name
        }
        names = {name for name in dir(module) if not name.startswith("_")}
        submodules = {
            name for name in names - typed if type(getattr(module, name)).__name__ == "module"
        }
        assert names - submodules == typed, package
        for name in names:
            assert getattr(module, name) is not None
    check = (
        "import sys, llcbench; print(sorted(n for n in sys.modules if n.startswith('llcbench')))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['llcbench']"


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Check the script and its misspelt copies with one run of mypy; return its lines by copy."""
    folder = tmp_path_factory.mktemp("scripts")
    copies = {"right": SCRIPT} | {
        name.replace(" ", "_"): SCRIPT.replace(old, new) for name, (old, new, _) in TYPOS.items()
    }
    for name, text in copies.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    # The options and the cache of the lint step, so that the packages are not analysed again.
    command = [
        sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"),
        "--cache-dir", str(ROOT / ".mypy_cache"), *map(str, folder.glob("*.py")),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert "error: INTERNAL" not in done.stderr, done.stderr
    lines = done.stdout.splitlines()
    return {name: "\n".join(line for line in lines if f"{name}.py:" in line) for name in copies}


def test_a_strict_checker_has_nothing_to_say_of_a_right_script(verdicts: dict[str, str]) -> None:
    assert verdicts["right"] == ""


@pytest.mark.parametrize("typo", TYPOS)
def test_a_checker_catches_a_typo(typo: str, verdicts: dict[str, str]) -> None:
    old, new, message = TYPOS[typo]
    assert old in SCRIPT
    assert message in verdicts[typo.replace(" ", "_")], f"{new}: {verdicts}"


def test_the_right_script_runs(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "1/2" in done.stdout


def test_names_that_are_not_there_are_named() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        llcbench.__getattr__("nothing")
