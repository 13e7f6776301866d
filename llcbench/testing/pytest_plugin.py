"""The pytest plugin: fixtures that run samplers, score them and gate the score.

pytest imports this file in every session, whether or not a test needs it; it must therefore import
neither torch nor the rest of the package before a fixture asks for them.
"""

import hashlib
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import torch

    from llcbench.run.store import RunStore
    from llcbench.scoring import Score
    from llcbench.testing.protocols import GateFixture, RunFixture
    from llcbench.testing.session import Session

_FOLDER = pytest.StashKey[Path]()
_TEMPORARY = pytest.StashKey["tempfile.TemporaryDirectory[str]"]()
_REPORT = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options ``--llc-*`` and the ini settings."""
    group = parser.getgroup("llcbench", "estimators of the local learning coefficient")
    group.addoption(
        "--llc-replicates", type=int, metavar="N", help="Repetitions, whatever a test asks for."
    )
    group.addoption("--llc-seed", type=int, default=0, metavar="N", help="Seed of all runs.")
    group.addoption(
        "--llc-time-budget",
        metavar="20m",
        help="Time for all runs of the session (90s, 20m, 2h); tests beyond it are skipped.",
    )
    group.addoption(
        "--llc-max-dim", type=int, metavar="N", help="Skip tests on problems with more parameters."
    )
    group.addoption(
        "--llc-store",
        metavar="PATH",
        help="Keep runs here and reuse them. Runs of samplers that no installed package provides"
        " are made anew each time; remove the folder after a change of any other sampler.",
    )
    group.addoption(
        "--llc-report", metavar="PATH", help="Write the report page to this folder at the end."
    )
    parser.addini(
        "llc_false_alarm",
        "Probability that any gate of a session fails although every sampler is right.",
        default="1e-4",
    )
    parser.addini(
        "llc_gates",
        "Number of gates that share llc_false_alarm, each of them the same part (Bonferroni).",
        default="100",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line("markers", "llc_accuracy: compares estimates with a truth; minutes")
    config.addinivalue_line("markers", "slow: takes more than ten seconds")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let all worker processes of pytest-xdist share one store."""
    node.workerinput["llc_store"] = str(_folder(node.config))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report page."""
    config = session.config
    out = config.getoption("--llc-report")
    if out is None or hasattr(config, "workerinput"):
        return
    if not any((_folder(config) / "runs").glob("*.json")):
        config.stash[_REPORT] = "no llcbench report: the session made no runs"
        return
    try:
        from llcbench.report.site import write_page
        from llcbench.run.store import RunStore

        page = write_page(RunStore(_folder(config)), Path(out))
        config.stash[_REPORT] = f"llcbench report written to {page}"
    except Exception as error:  # a report that fails must not hide the results of the tests
        config.stash[_REPORT] = f"no llcbench report: {type(error).__name__}: {error}"


def pytest_terminal_summary(
    terminalreporter: "pytest.TerminalReporter", config: pytest.Config
) -> None:
    """Print the path of the report."""
    if _REPORT in config.stash:
        terminalreporter.write_line(config.stash[_REPORT])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove a store that was not asked for."""
    if _TEMPORARY in config.stash:
        config.stash[_TEMPORARY].cleanup()


@pytest.fixture(scope="session")
def llc_store(pytestconfig: pytest.Config) -> "RunStore":
    """Return the store of the session: ``--llc-store``, or a temporary one."""
    from llcbench.run.store import RunStore

    return RunStore(_folder(pytestconfig))


@pytest.fixture(scope="session")
def _llc_session(pytestconfig: pytest.Config, llc_store: "RunStore") -> "Session":
    from llcbench.run.units import seconds_of
    from llcbench.testing.session import Session

    option = pytestconfig.getoption
    try:
        return Session(
            store=llc_store,
            false_alarm=float(pytestconfig.getini("llc_false_alarm")),
            gates=int(pytestconfig.getini("llc_gates")),
            seed=option("--llc-seed"),
            replicates=option("--llc-replicates"),
            max_dim=option("--llc-max-dim"),
            seconds=seconds_of(option("--llc-time-budget")),
        )
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture
def llc_run(_llc_session: "Session") -> "RunFixture":
    """Return the function that runs a sampler on a problem and scores it.

    ``llc_run(problem, sampler, *, estimator="mean_energy", replicates=3, nbeta=None, gamma=1.0,
    num_chains=16, num_draws=2000, num_burnin=1000, batch_size=None, start="w_star")``. The sampler
    is a text such as ``"sgld[step_size=1e-4]"``, a sampler object or a step function. The estimator
    is a text such as ``"regression[rungs=6]"``, or an object with ``estimate(problem, context)``,
    which holds its sampler, and its settings if it has a field of that name:
    ``llc_run(problem, estimator=MyEstimator(...))``.
    """
    from llcbench.testing.session import Declined

    def run(problem: str, sampler: Any = None, **options: Any) -> "Score":
        __tracebackhide__ = True
        try:
            return _llc_session.run(problem, sampler, **options)
        except Declined as reason:
            pytest.skip(str(reason))

    return run


@pytest.fixture
def llc_gate(_llc_session: "Session", request: pytest.FixtureRequest) -> "GateFixture":
    """Return the gate, of scores of ``llc_run`` and of any number with an error.

    ``llc_gate(score, against="tempered", z=None)`` or ``llc_gate(value, stderr, problem=ID,
    against="tempered", z=None, dof=None, nbeta=None, gamma=1.0, data=None)``.

    It fails unless the bias against the tempered value, or with ``against="local"`` against the
    local coefficient, is at most ``z`` standard errors. Without ``z``, the limit is the quantile
    of Student's t at which ``llc_gates`` gates together raise a false alarm with probability
    ``llc_false_alarm``; one to three chains in all have no such limit. It also fails on failed
    runs, and on a tempered value that is missing or not certified; it warns of guards that failed,
    since wide error bars hide a bias.

    A number of any origin comes with its standard error, ``dof`` degrees of freedom (7 for the
    spread of 8 repetitions, None for an error that is known) and, against the tempered value, the
    inverse temperature and localisation it belongs to; with data also the data set.
    """

    def gate(result: "Score | float", *arguments: Any, **options: Any) -> None:
        __tracebackhide__ = True
        verdict = _llc_session.gate(request.node.nodeid, result, *arguments, **options)
        if not verdict.passed:
            pytest.fail(verdict.message, pytrace=False)
        if verdict.failed_guards:
            warnings.warn(f"passed, but with failed guards: {verdict.message}", stacklevel=2)

    return gate


@pytest.fixture
def llc_rng(request: pytest.FixtureRequest) -> "torch.Generator":
    """Return a generator that is seeded by the name of the test."""
    import torch

    digest = hashlib.sha256(request.node.nodeid.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def _folder(config: pytest.Config) -> Path:
    """Return the folder of the store, making a temporary one if none is named."""
    if _FOLDER not in config.stash:
        given = getattr(config, "workerinput", {}).get("llc_store")
        path = given or config.getoption("--llc-store")
        if path is None:
            config.stash[_TEMPORARY] = tempfile.TemporaryDirectory(prefix="llcbench-")
            path = config.stash[_TEMPORARY].name
        config.stash[_FOLDER] = Path(path)
    return config.stash[_FOLDER]
