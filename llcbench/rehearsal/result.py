"""What a rehearsal returns; needs no torch."""

from fractions import Fraction
from typing import Any

import msgspec

from llcbench.records import Estimate
from llcbench.scoring import Score, Uncertain

SHOWS = (
    "step, chains, burn-in, minibatches, gamma and nbeta at this size and curvature: what they"
    " return where the answer is known"
)
CANNOT_SHOW = (
    "what the nonlinearity of the network does, nor its degeneracy: the rank of the true network"
    " is not known, so look at all ranks; biases, normalisation and embeddings have no counterpart"
)
# A bias counts from so many of its errors and from this share on: guards see no smaller one.
ERRORS, SMALL_BIAS = 4.0, 0.05


class RehearsedNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings returned on one linear network, beside its truths.

    Attributes:
        rank: Rank of its true map.
        estimate: What they returned.
        score: The estimate against the truths.
    """

    rank: int
    estimate: Estimate
    score: Score

    @property
    def local(self) -> float:
        """The exact local coefficient; the global one is the same."""
        return float(Fraction(self.score.local or "0"))

    @property
    def sampler_bias(self) -> Uncertain | None:
        """``estimate / tempered - 1``, the error of the sampler; None without both."""
        tempered = self.score.tempered
        return _relative(self.score.bias, None if tempered is None else tempered.value)

    @property
    def setting_gap(self) -> Uncertain | None:
        """``tempered / local - 1``, the error of temperature and localisation."""
        return _relative(self.score.gap, self.local)

    @property
    def hidden_bias(self) -> bool:
        """Whether the sampler is off by more than its error, and no guard on it warns."""
        bias = self.sampler_bias
        if bias is None or not self.estimate.converged:
            return False
        return abs(bias.z) > ERRORS and abs(bias.value) > SMALL_BIAS

    @property
    def warnings(self) -> list[str]:
        """Names of the guards that warn."""
        return [guard.name for guard in self.estimate.guards if not guard.passed]

    def plain(self) -> dict[str, Any]:
        """Return everything as names and plain values, in full precision."""
        tempered, mean = self.score.tempered, self.score.mean
        pairs = {
            "lambda_hat": mean,
            "tempered": tempered,
            "sampler_bias": self.sampler_bias,
            "setting_gap": self.setting_gap,
        }
        values: dict[str, Any] = {"network": self.score.problem, "rank": self.rank}
        for name, pair in pairs.items():
            values[name] = None if pair is None else pair.value
            values[f"{name}_se"] = None if pair is None else pair.stderr
        return values | {
            "tempered_certified": self.score.tempered_certified and tempered is not None,
            "tempered_method": self.score.tempered_method,
            "local": self.local,
            "local_exact": self.score.local,
            "global_exact": self.score.global_,
            "nbeta": self.estimate.nbeta,
            "gamma": self.estimate.gamma,
            "rhat": self.estimate.rhat,
            "guards": ", ".join(self.warnings),
            "hidden_bias": self.hidden_bias,
            "status": self.estimate.status,
            "message": self.estimate.message,
            "method": self.estimate.method,
            "dim": self.estimate.dim,
        }


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an estimate, tried on linear networks that are like a network.

    Attributes:
        problem: Id of the network.
        dim: Its parameters that move.
        dense: Weights of its dense layers among them.
        layers: Their names, in the order in which they run.
        widths: Widths of the linear networks, inputs first.
        weights: Their number of weights.
        input_rank: Rank of the second moment of the inputs.
        num_data: Samples of the linear networks.
        curvature: Largest curvature of the loss, of the network and of the linear ones.
        gradient_sd: Standard deviation of the gradient of a sample, likewise.
        networks: One for every rank of the true map.
        notes: In what the linear networks differ from the network, a sentence each.
    """

    problem: str
    dim: int
    dense: int
    layers: list[str]
    widths: list[int]
    weights: int
    input_rank: int
    num_data: int
    curvature: float
    gradient_sd: float
    networks: list[RehearsedNetwork]
    notes: list[str] = []

    def plain(self) -> dict[str, Any]:
        """Return everything as names and plain values, with what it shows and cannot show."""
        names = (name for name in self.__struct_fields__ if name != "networks")
        values = {name: getattr(self, name) for name in names}
        rows = [network.plain() for network in self.networks]
        return values | {"networks": rows, "shows": SHOWS, "cannot_show": CANNOT_SHOW}


def _relative(difference: Uncertain | None, whole: float | None) -> Uncertain | None:
    """Return a difference as a share of a value; None without either."""
    if difference is None or not whole:
        return None
    return Uncertain(difference.value / whole, difference.stderr / abs(whole))
