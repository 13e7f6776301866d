"""The settings of an estimate, tried on linear networks that are like somebody's network."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from tqdm import tqdm

from llcbench.checks import check_count, whole
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.one_call import DELAY, Planned, planned, run_planned, those_given
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.problems.squared.regression import Regression
from llcbench.records import Estimate, RunRecord, Spec, Truths
from llcbench.rehearsal.matched import stage_of
from llcbench.rehearsal.measured import MEASUREMENTS, measured
from llcbench.rehearsal.result import Rehearsal, RehearsedNetwork
from llcbench.rehearsal.widths import MAX_DIM, chain_of
from llcbench.run.execute import stored, stored_tempered
from llcbench.sampling.loss_abilities import is_restrictable
from llcbench.sampling.target import AnySampler
from llcbench.scoring import scores
from llcbench.seeds import Seeds
from llcbench.settings import Settings

WORDS = ("full", "half")
RANKS: tuple[str | int, ...] = (*WORDS, 1)


def rehearse(
    problem: ModuleProblem,
    sampler: AnySampler | None = None,
    settings: Settings | None = None,
    *,
    ranks: Sequence[str | int] = RANKS,
    max_dim: int = MAX_DIM,
    nbeta: float | None = None,
    gamma: float | None = None,
    num_chains: int | None = None,
    batch_size: int | None = None,
    max_grads: int | None = None,
    target_stderr: float | None = None,
    seed: int = 0,
    device: str | None = None,
    progress: bool = True,
) -> Rehearsal:
    """Try the settings of `llcbench.estimate` on linear networks that are like a network.

    Deep linear networks take the shapes of the dense layers, the second moment of the inputs of the
    first one, the largest curvature of the loss and the variance of the gradient of a sample. There
    the local, the global and the tempered coefficient are known, and the sampler bias ``estimate /
    tempered - 1`` and the setting gap ``tempered / local - 1`` are what the same settings return.

    What is not given is chosen for the network as `llcbench.estimate` does, and then kept: nbeta,
    chains, batch, precision and budget. What that call measures on the chains, such as the step or
    gamma, is measured on each linear network again.

    It shows what step, chains, burn-in, minibatches, gamma and nbeta do at this size and curvature.
    It cannot show what the nonlinearity does, nor the degeneracy of the network: the rank of the
    true network is not known.

    Args:
        problem: What `llcbench.from_module` returns.
        sampler: As in `llcbench.estimate`.
        settings: As in `llcbench.estimate`.
        ranks: Of the true maps, one linear network each: ``full``, ``half`` or whole numbers.
        max_dim: Most weights of the linear networks; wider ones are made narrower.
        nbeta: As in `llcbench.estimate`, and so are the others.
        gamma: Localisation strength, positive.
        num_chains: Chains.
        batch_size: Samples of a minibatch.
        max_grads: Gradients a chain.
        target_stderr: Standard error at which a run ends.
        seed: Seed of data, noise and minibatches.
        device: Device of the runs on linear networks.
        progress: Whether to show bars.

    Returns:
        What the settings returned on each network, beside its truths.

    Raises:
        TypeError: If the problem is none of a module.
        ValueError: If the module has no dense layer, its loss no positive curvature, or a rank or
            a setting is not admissible.
    """
    if not is_restrictable(problem):
        raise TypeError(
            f"a rehearsal needs a network, got {type(problem).__name__}; llcbench.from_module("
            "module, per_sample_loss, data) makes a problem of a module"
        )
    given = those_given(
        nbeta=nbeta, gamma=gamma, num_chains=num_chains, batch_size=batch_size,
        max_grads=max_grads, target_stderr=target_stderr, device=device,
    )  # fmt: skip
    plan = planned(problem, sampler, settings, given)
    chosen = plan.estimator.settings
    if not chosen.gamma > 0:
        raise ValueError(
            "gamma=0: without localisation the tempered value of a linear network is not known;"
            " give a positive gamma"
        )
    most = check_count("rehearse", "max_dim", max_dim, least=1)
    # The temperature is that of the network, whatever the data of the linear ones.
    fixed = msgspec.structs.replace(chosen, nbeta=nbeta_of(chosen, problem.num_data))
    plan = plan._replace(estimator=replace(plan.estimator, settings=fixed))
    words = read_ranks(ranks)
    with _bar(f"{problem.id}: scales", MEASUREMENTS, progress) as bar:
        scales = measured(problem, seed, bar.update)
    stage = stage_of(problem, scales, chain_of(scales.layers, most))
    wanted = ranks_within(words, stage.full_rank)
    networks = [stage.network(rank) for rank in wanted]
    estimates = [run_planned(plan, network, seed, progress) for network in networks]
    rows = []
    with _bar("tempered values", len(networks), progress) as bar:
        for rank, network, estimate in zip(wanted, networks, estimates, strict=True):
            rows.append(_compared(rank, network, estimate, plan, seed))
            bar.update()
    return stage.rehearsal(rows)


def read_ranks(ranks: Sequence[str | int]) -> list[str | int]:
    """Return ranks as the words ``full`` and ``half`` or as numbers.

    Args:
        ranks: Words or whole numbers, which may be text.

    Raises:
        ValueError: If one is something else, or there are none.
    """
    read: list[str | int] = []
    for rank in [ranks] if isinstance(ranks, str) else ranks:
        text = rank.strip() if isinstance(rank, str) else ""
        number = whole(int(text) if text.isdecimal() else rank)
        if text not in WORDS and (number is None or number < 1):
            raise ValueError(
                f"rank {rank!r} is none of full, half, and the whole numbers from 1 on"
            )
        read.append(text if number is None else number)
    if not read:
        raise ValueError("give a rank at least, such as full")
    return read


def ranks_within(ranks: Sequence[str | int], full: int) -> list[int]:
    """Return the ranks that `read_ranks` gives as numbers, each once.

    Args:
        ranks: Words or numbers.
        full: The largest rank that a true map can have.

    Raises:
        ValueError: If one is larger.
    """
    words = {"full": full, "half": max(1, full // 2)}
    numbers = [words[rank] if isinstance(rank, str) else rank for rank in ranks]
    if max(numbers) > full:
        raise ValueError(
            f"rank {max(numbers)} is too large: the linear networks have ranks from 1 to {full}"
        )
    return list(dict.fromkeys(numbers))


def _bar(title: str, total: int, progress: bool) -> Any:
    return tqdm(total=total, desc=title, delay=DELAY, disable=not progress)


def _compared(
    rank: int, network: Regression, estimate: Estimate, plan: Planned, seed: int
) -> RehearsedNetwork:
    """Return an estimate beside the truths, the tempered one at the nbeta and gamma in use."""
    data = network.sample_data(Seeds(seed, network.id).generator("data"))
    truth = network.tempered(estimate.nbeta, estimate.gamma, data)
    estimator = plan.estimator
    record = RunRecord(
        key="",
        spec=Spec(
            problem=network.id,
            problem_version=network.version,
            estimator=type(estimator).__name__,
            sampler=type(estimator.sampler or estimator).__name__,
            parameters={},
            settings=estimator.settings,
            seed=seed,
            replicate=0,
        ),
        truths=Truths(
            local=stored(network.truth.local),
            global_=stored(network.truth.global_),
            tempered=stored_tempered(truth),
        ),
        estimate=estimate,
        environment="",
    )
    return RehearsedNetwork(rank=rank, estimate=estimate, score=scores([record])[0])
