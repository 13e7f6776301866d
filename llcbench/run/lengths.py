"""Lengths of chains that cost a given number of gradients."""

import msgspec

from llcbench import registry
from llcbench.records import Value
from llcbench.settings import Settings

# Share of the gradients that goes into the burn-in.
BURNIN = 0.4


def costs_of(settings: Settings, name: str, parameters: dict[str, Value]) -> int:
    """Return the mean number of gradients that one step costs a chain."""
    # It imports torch, which reading a suite does not need.
    from llcbench.sampling import sampler_abilities

    built = registry.make_sampler(name, dict(parameters))
    return sampler_abilities.grads_per_step(built) * (
        2 if settings.gradient == "control_variate" else 1
    )


def with_grads(
    settings: Settings, name: str, parameters: dict[str, Value], grads: int
) -> tuple[Settings, dict[str, Value]]:
    """Return settings and hyper-parameters for chains of ``grads`` gradients each.

    A sampler that adapts does so within the burn-in. One with a hyper-parameter ``grads`` knows
    only afterwards what a step costs: it warms up by itself and ends where its gradients are spent,
    and its number of draws is a bound.

    Raises:
        ValueError: If that is not enough for 8 kept steps.
    """
    if "grads" in parameters:
        draws = grads - int(BURNIN * grads)
        ends_by_itself = msgspec.structs.replace(settings, num_draws=draws, num_burnin=0)
        return ends_by_itself, {**parameters, "grads": grads}
    steps = grads // costs_of(settings, name, parameters)
    burnin = int(BURNIN * steps)
    if steps - burnin < 8:
        raise ValueError(
            f"grads = {grads} leaves {steps - burnin} kept steps of {name}; at least 8 are needed"
        )
    changed = dict(parameters)
    adapt = changed.get("adapt")
    if isinstance(adapt, int) and adapt > burnin:
        changed["adapt"] = burnin
    return msgspec.structs.replace(settings, num_draws=steps - burnin, num_burnin=burnin), changed
