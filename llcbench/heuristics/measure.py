"""The measures of one snapshot."""

import hashlib
import math
import time
from collections.abc import Mapping
from typing import Any, final

import msgspec
import torch
from torch import Tensor, nn

from llcbench.estimators.mean_energy import MeanEnergy
from llcbench.heuristics.trial import Local, Measured, Measuring
from llcbench.measures.geometric_complexity import geometric_complexity
from llcbench.measures.hessian import Hessian, extreme_eigenvalues, trace
from llcbench.measures.norms import frobenius_norms, norm_controlled, scale_free, total_norm
from llcbench.problems.modules.from_module import from_module
from llcbench.problems.modules.intake import Tensors
from llcbench.problems.modules.problem import ModuleProblem, PerSampleLoss
from llcbench.records import Estimate
from llcbench.samplers.sgld import SGLD
from llcbench.seeds import Seeds
from llcbench.settings import Settings
from llcbench.training.train import Snapshot
from llcbench.types import RunContext


@final
class Clock:
    """Processor and wall time since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.monotonic()

    def read(self) -> tuple[float, float]:
        """Return seconds of the processor and of the wall."""
        return time.process_time() - self._cpu, time.monotonic() - self._wall


def measure(
    snapshot: Snapshot,
    module: nn.Module,
    loss: PerSampleLoss,
    data: Tensors,
    how: Measuring,
    seed: int,
) -> Measured:
    """Return what the settings ask for at a snapshot.

    Args:
        snapshot: The weights, with losses.
        module: The network with its initial weights.
        loss: From outputs and targets to one loss per sample.
        data: The training set as it was trained on.
        how: What is measured.
        seed: Of chains and probes; they are the same at every snapshot.

    Raises:
        ValueError: If a setting does not suit the network or the data.
    """
    clock = Clock()
    problem = from_module(module, loss, data, w_star=snapshot.state, name="trained")
    names = scale_free(problem)
    values = _measured(snapshot, problem, names)
    for part in (_curvature, _steepness):
        try:
            values |= part(problem, how, seed)
        except ValueError as error:  # weights can be finite and their derivatives not
            values["notes"] = (*values.get("notes", ()), str(error))
    values["llc"] = local(problem, how, seed)
    if how.norm_controlled and names:
        values["llc_normed"] = _normed(problem, _norms(module, names), how, seed)
    cpu, wall = clock.read()
    return msgspec.convert(values | {"cpu_seconds": cpu, "seconds": wall}, Measured)


def local(problem: ModuleProblem, how: Measuring, seed: int) -> Local:
    """Return the local learning coefficient by SGLD, whatever becomes of the chains."""
    settings = Settings(
        gamma=how.gamma,
        nbeta=how.nbeta,
        num_chains=how.num_chains,
        num_draws=how.num_draws,
        num_burnin=how.num_burnin,
        batch_size=how.batch_size,
        dtype="float32",
    )
    # One name for all networks: arms at one seed share noise and minibatches.
    seeds = Seeds(seed, "heuristics", 0, "sgld")
    return _local(MeanEnergy(SGLD(how.step_size), settings).estimate(problem, RunContext(seeds)))


def finite(value: float | None) -> float | None:
    """Return a number, None if it is none."""
    return value if value is not None and math.isfinite(value) else None


def _measured(snapshot: Snapshot, problem: ModuleProblem, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "step": snapshot.step,
        "gradients": snapshot.gradients,
        "reasons": snapshot.reasons,
        "train_loss": finite(snapshot.train_loss),
        "train_error": snapshot.train_error,
        "test_loss": finite(snapshot.test_loss),
        "test_error": snapshot.test_error,
        "norm": total_norm(problem),
        "norms": frobenius_norms(problem),
        "scale_free": names,
    }


def _curvature(problem: ModuleProblem, how: Measuring, seed: int) -> dict[str, Any]:
    """Return largest eigenvalue and trace of the Hessian on the first samples."""
    if not how.hessian_samples:
        return {}
    numbers = torch.arange(min(how.hessian_samples, problem.num_data))
    hessian = Hessian(problem.bind(None, torch.float32), problem.w_star(), numbers)
    ends = extreme_eigenvalues(
        hessian,
        _generator(seed, "lanczos"),
        tolerance=how.hessian_tolerance,
        products=how.hessian_products,
    )
    total = trace(hessian, _generator(seed, "trace"), probes=how.hessian_probes)
    return {
        "top": finite(ends.largest),
        "top_residual": finite(ends.residual_largest),
        "top_converged": ends.converged,
        "trace": finite(total.value),
        "trace_stderr": finite(total.stderr),
        "hessian_samples": len(numbers),
    }


def _steepness(problem: ModuleProblem, how: Measuring, seed: int) -> dict[str, Any]:
    """Return the geometric complexity on the first samples, where inputs are real numbers."""
    inputs = problem.data[0][: how.gc_samples]
    if not how.gc_samples or not inputs.is_floating_point():
        return {}
    gc = geometric_complexity(problem.module, inputs).value
    return {"gc": finite(gc), "gc_samples": len(inputs)}


def _normed(problem: ModuleProblem, norms: Mapping[str, float], how: Measuring, seed: int) -> Local:
    try:
        controlled = norm_controlled(problem, norms)
    except ValueError as error:  # the function changed: a value would be that of another network
        return Local(status="error", message=str(error), gamma=how.gamma)
    return local(controlled, how, seed)


def _norms(module: nn.Module, names: tuple[str, ...]) -> dict[str, float]:
    """Return the norms of tensors at the start of the training."""
    named: dict[str, Tensor] = dict(module.named_parameters())
    return {name: float(named[name].detach().norm()) for name in names}


def _local(estimate: Estimate) -> Local:
    return Local(
        status=estimate.status,
        message=estimate.message,
        value=finite(estimate.llc),
        stderr=finite(estimate.stderr),
        nbeta=estimate.nbeta,
        gamma=estimate.gamma,
        warnings=tuple(
            f"{guard.name} {guard.value:.3g} ({guard.limit})" for guard in estimate.failed_guards
        ),
    )


def _generator(seed: int, use: str) -> torch.Generator:
    digest = hashlib.sha256(f"heuristics\x1f{use}\x1f{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
