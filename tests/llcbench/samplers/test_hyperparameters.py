from fractions import Fraction

import numpy as np
import pytest
import torch

from llcbench import registry

TAKEN = {"step_size": 0.25, "leapfrogs": 4}
GIVEN = [
    {"step_size": np.float32(0.25), "leapfrogs": np.int64(4)},
    {"step_size": torch.tensor(0.25), "leapfrogs": torch.tensor(4)},
    {"step_size": Fraction(1, 4), "leapfrogs": 4.0},
]


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("name", ["hmc", "adjusted_mclmc"])
def test_numbers_of_all_kinds_become_plain_ones(name, given):
    found = registry.parameters_of(registry.make_sampler(name, given))
    for key, value in TAKEN.items():
        assert found[key] == value
        assert type(found[key]) is type(value)


WRONG = [("step_size", True), ("step_size", float("inf")), ("leapfrogs", 2.5), ("spread", -1.0)]


@pytest.mark.parametrize(("option", "value"), WRONG)
def test_what_is_no_admissible_number_is_refused_with_its_name(option, value):
    with pytest.raises(ValueError, match=f"hmc: {option} must be .*, got {value}"):
        registry.make_sampler("hmc", {option: value})


def test_a_whole_number_stays_one_since_keys_of_runs_tell_the_two_apart():
    found = registry.parameters_of(registry.make_sampler("mala", {"spread": 2, "step_size": 1.0}))
    assert [type(found[name]) for name in ("spread", "step_size")] == [int, float]
