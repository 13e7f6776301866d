"""Problems ``model/*``: statistical models with a likelihood, at points with a theorem."""

import re
from collections.abc import Callable, Mapping

from llcbench.checks import nearest
from llcbench.problems.family import Family
from llcbench.problems.models import (
    classic,
    latent,
    mixtures,
    networks,
    softmax,
    superposition,
    topics,
    trees,
)
from llcbench.problems.models.likelihood import Likelihood

_PARTS = (classic, mixtures, topics, latent, trees, networks, softmax, superposition)
MAKERS: Mapping[str, Callable[..., Likelihood]] = {
    pattern: make for part in _PARTS for pattern, make in part.MAKERS.items()
}
NAMED = tuple(f"model/{name}" for part in _PARTS for name in part.NAMED)
PATTERN = "model/<name>-<sizes>, such as model/tanh-2 or model/mixture-1-2x2"


def build(identifier: str) -> Likelihood:
    """Return the model of an id such as ``model/tanh-2`` or ``model/naive-bayes-4``.

    Raises:
        ValueError: If there is no such model or its size is not admissible.
    """
    name = identifier.removeprefix("model/")
    for pattern, make in MAKERS.items():
        match = re.fullmatch(pattern, name)
        if match is not None:
            parts = [text for text in match.groups() if text is not None]
            return make(identifier, *(int(text) if text.isdigit() else text for text in parts))
    known = [entry.removeprefix("model/") for entry in NAMED]
    raise ValueError(f"unknown model {identifier!r}{nearest(name, known)}; write {PATTERN}")


family = Family("model", NAMED, build, PATTERN)
