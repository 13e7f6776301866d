"""Checks of an installation."""

import time
from pathlib import Path

from llcbench.provenance import environment

Check = tuple[str, bool, str]


def checks() -> list[Check]:
    """Return name, verdict and detail of every check."""
    return [
        _versions(),
        _theory(),
        _registered(),
        _peers(),
        _machines(),
        _exactness(),
        _speed(),
    ]


def _versions() -> Check:
    packages = environment()
    text = ", ".join(f"{name} {value}" for name, value in packages.items())
    return "environment", "absent" not in packages.values(), text


def _theory() -> Check:
    """A user's own ``theory.py`` on the path would shadow ours."""
    import llcbench
    import theory

    ours = Path(str(llcbench.__file__)).parent.parent / "theory"
    imported = Path(str(theory.__file__)).parent
    same = ours.resolve() == imported.resolve()
    return "theory", same, "belongs to this installation" if same else "shadowed by another package"


def _registered() -> Check:
    from llcbench import registry

    counts = {
        "problems": len(registry.problem_ids()),
        "samplers": len(registry.sampler_names()),
        "suites": len(registry.suite_names()),
    }
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    return "registry", all(counts.values()), text


def _peers() -> Check:
    """Packages of others; none is required."""
    from llcbench.adapters.packages import described

    return "peers", True, described()


def _machines() -> Check:
    """Packages that take a sweep to other machines; none is required."""
    from llcbench.run.executors.machines import described

    return "machines", True, described()


def _exactness() -> Check:
    """Quadrature against the line integral on ``(w1 w2)^2``: two routes to one number."""
    from theory import tempered

    line = tempered.norm_product((1, 1), (1, 1), 1e4, 1.0)
    plane = tempered.quadrature(lambda w: (w[0] * w[1]) ** 2, (0.0, 0.0), 1e4, 1.0)
    gap = abs(line.value - plane.value)
    return "tempered truth", gap < 1e-5, f"(w1 w2)^2 at nbeta 1e4: {line.value:.6f}, gap {gap:.1e}"


def _speed() -> Check:
    """The best of several short runs: other work on the machine is no fault of the installation."""
    from llcbench import registry
    from llcbench.estimators.mean_energy import MeanEnergy
    from llcbench.settings import Settings

    steps = 50
    settings = Settings(nbeta=100.0, num_chains=1, num_draws=steps, num_burnin=0)
    estimator = MeanEnergy(registry.make_sampler("sgld", {"step_size": 1e-4}), settings)
    problem = registry.problem("poly/x2y2")
    started = time.perf_counter()
    best = min(estimator.estimate(problem).seconds_sampling for _ in range(10)) / steps
    total = time.perf_counter() - started
    return "speed", best < 1e-3, f"{best * 1e6:.0f} us a step of one chain, {total:.1f} s in all"
