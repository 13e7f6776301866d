"""The types of the fixtures, for tests that are checked: ``def test_it(llc_run: RunFixture)``."""

from typing import Any, Literal, Protocol, overload

from llcbench.scoring import Score
from llcbench.types import Estimator

Against = Literal["tempered", "local"]


class RunFixture(Protocol):
    """The type of ``llc_run``."""

    @overload
    def __call__(
        self,
        problem: str,
        sampler: Any,
        *,
        estimator: str = "mean_energy",
        replicates: int = 3,
        nbeta: float | None = None,
        gamma: float = 1.0,
        num_chains: int = 16,
        num_draws: int = 2000,
        num_burnin: int = 1000,
        batch_size: int | None = None,
        start: Literal["w_star", "prior"] = "w_star",
    ) -> Score: ...
    @overload
    def __call__(
        self, problem: str, *, estimator: Estimator, replicates: int = 3, **settings: Any
    ) -> Score: ...


class GateFixture(Protocol):
    """The type of ``llc_gate``."""

    @overload
    def __call__(
        self, score: Score, /, against: Against = "tempered", z: float | None = None
    ) -> None: ...
    @overload
    def __call__(
        self,
        value: float,
        stderr: float,
        /,
        *,
        problem: str,
        against: Against = "tempered",
        z: float | None = None,
        dof: float | None = None,
        nbeta: float | None = None,
        gamma: float = 1.0,
        data: Any = None,
    ) -> None: ...
