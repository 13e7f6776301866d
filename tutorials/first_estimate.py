"""A first estimate: three truths, two samplers, and where the error comes from.

    python tutorials/first_estimate.py

The loss is ``(x y)^2`` at the origin, where two lines of zeros cross. Its learning coefficient is
1/2, but a finite chain measures something else: the mean energy at an inverse temperature `nbeta`
and a localisation `gamma`, which has a truth of its own. Some seconds on one core.
"""

import llcbench
from theory import rlct

NBETA, GAMMA = 1e3, 1.0
SAMPLERS = {
    # A Metropolis test makes the chain exact; steps spread over two decades fit centre and arms.
    "mala": llcbench.MALA(spread=2),
    # The same proposal without the test: its steps are too coarse for the narrow arms.
    "sgld": llcbench.SGLD(step_size=1e-3),
}


def show_truths(problem: llcbench.Problem) -> float:
    """Print the truths and return the one that a sampler can be blamed for missing."""
    tempered = problem.tempered(NBETA, GAMMA)
    assert tempered is not None
    local, global_ = problem.truth
    print(f"{problem.id}: {problem.formula}")
    print(f"local coefficient   {local}")
    print(f"global coefficient  {global_}")
    print(f"perfect sampler     {tempered.value:.4f} at nbeta {NBETA:g}, gamma {GAMMA:g}")
    print(f"gap of the setting  {tempered.value - float(local.value):+.4f}\n")
    return float(tempered.value)


def show_estimate(name: str, estimate: llcbench.Estimate, truth: float) -> None:
    """Print an estimate with its error, its bias in standard errors, and the guards that failed."""
    if estimate.llc is None or estimate.stderr is None:  # a run that failed says why
        print(f"{name}: {estimate.status}, {estimate.message}")
        return
    bias = estimate.llc - truth
    print(
        f"{name}: {estimate.llc:.4f} +- {estimate.stderr:.4f},"
        f" bias {bias:+.4f} ({bias / estimate.stderr:+.1f} standard errors)"
    )
    for guard in estimate.guards:
        if not guard.passed:
            print(f"  {guard.name} is {guard.value:.3g}, should be {guard.limit}: {guard.meaning}")


def main() -> None:
    """Estimate one coefficient with both samplers."""
    # The solver finds the coefficient again, from the polynomial alone, with a proof.
    print(f"theory.rlct finds   {rlct('x^2*y^2')}\n")
    problem = llcbench.problem("poly/x2y2")
    truth = show_truths(problem)
    settings = llcbench.Settings(
        nbeta=NBETA, gamma=GAMMA, num_chains=64, num_draws=2000, num_burnin=500
    )
    for name, sampler in SAMPLERS.items():
        show_estimate(name, llcbench.MeanEnergy(sampler, settings).estimate(problem), truth)


if __name__ == "__main__":
    main()
