"""Every use of randomness in a training has a stream of its own."""

from typing import get_args

import torch

from llcbench.training.noise import Use, generator


def test_uses_and_seeds_have_numbers_of_their_own():
    uses = get_args(Use)
    assert len(uses) == 6
    seeds = {(use, seed): generator(seed, use).initial_seed() for use in uses for seed in range(50)}
    assert len(set(seeds.values())) == 300
    # Again the same, and none of the global generator.
    torch.manual_seed(1)
    assert generator(3, "batches").initial_seed() == seeds["batches", 3]
