"""Seeds derived by hashing their purpose; no global state is read or set."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

from llcbench.checks import check_whole, refuse, set_checked

if TYPE_CHECKING:
    import torch

Role = Literal["data", "batch", "noise", "guard"]


@final
@dataclass(frozen=True)
class Seeds:
    """All randomness of one run.

    Data and minibatches depend on problem and replicate only, so that samplers are compared on the
    same ones; noise depends on the sampler too.

    Attributes:
        seed: Seed of the suite.
        problem: Id of the problem.
        replicate: Number of the repetition.
        sampler: Label of the sampler.

    Raises:
        ValueError: If a number is not whole, or an id is not text.
    """

    seed: int = 0
    problem: str = ""
    replicate: int = 0
    sampler: str = ""

    def __post_init__(self) -> None:
        # Their text is hashed: 1.0 and numpy's 1 have to be the same seed as 1.
        set_checked(
            self,
            seed=check_whole("Seeds", "seed", self.seed),
            replicate=check_whole("Seeds", "replicate", self.replicate),
        )
        for name, value in (("problem", self.problem), ("sampler", self.sampler)):
            if not isinstance(value, str):
                refuse("Seeds", name, "text", value, "ids and labels are text")

    def number(self, role: Role) -> int:
        """Return the 63-bit seed of a role."""
        axes = [role, str(self.seed), self.problem, str(self.replicate)]
        if role in ("noise", "guard"):
            axes.append(self.sampler)
        digest = hashlib.sha256("\x1f".join(axes).encode()).digest()
        return int.from_bytes(digest[:8], "little") >> 1

    def generator(self, role: Role, device: str = "cpu") -> "torch.Generator":
        """Return a fresh generator for a role on a device; other devices draw other numbers."""
        import torch

        return torch.Generator(device).manual_seed(self.number(role))
