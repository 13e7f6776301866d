"""Configurations: readable from text, checked when made, light to import."""

import subprocess
import sys

import msgspec
import pytest

from llcbench.training.config import EntropySGD, Penalties, Training


def test_a_configuration_survives_being_written():
    config = Training(
        optimiser="entropy_sgd",
        momentum=0.9,
        entropy=EntropySGD(inner_steps=5),
        penalties=Penalties(jacobian=0.1),
        stop="loss",
        stop_loss=0.05,
        checkpoint_losses=(1.0, 0.5),
    )
    assert msgspec.json.decode(msgspec.json.encode(config), type=Training) == config
    written = """
optimiser = "entropy_sgd"
momentum = 0.9
stop = "loss"
stop_loss = 0.05
checkpoint_losses = [1.0, 0.5]
entropy = { inner_steps = 5 }
penalties = { jacobian = 0.1 }
"""
    assert msgspec.toml.decode(written, type=Training) == config
    with pytest.raises(msgspec.ValidationError, match="learning_rate"):
        msgspec.json.decode(b'{"learning_rate": 0.1}', type=Training)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr": 0.0}, "lr must be a finite positive number, got 0.0"),
        ({"lr": float("nan")}, "lr must be a finite positive number, got nan"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1.0"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"label_noise": 1.5}, "label_noise must be at most 1, got 1.5"),
        ({"input_noise": -1.0}, "input_noise must be a finite number of at least 0"),
        ({"steps": 2.5}, "steps must be a whole number of at least 0, got 2.5"),
        ({"lr": True}, "lr must be a finite positive number, got True"),
        ({"stop": "loss"}, "give both or none"),
        ({"stop_loss": 0.1}, "give both or none"),
        ({"steps": 10, "checkpoint_steps": (11,)}, "checkpoint_steps must be at most 10, got 11"),
        ({"checkpoint_losses": (0.0,)}, "checkpoint_losses must be a finite positive number"),
        ({"nesterov": True}, "nesterov needs a momentum"),
        ({"optimiser": "adam", "momentum": 0.9}, "adam has no momentum"),
    ],
)
def test_a_configuration_that_cannot_be(values, message):
    with pytest.raises(ValueError, match=message):
        Training(**values)


def test_settings_of_parts_are_checked():
    with pytest.raises(ValueError, match="jacobian must be a finite number of at least 0"):
        Penalties(jacobian=-1.0)
    with pytest.raises(ValueError, match=r"averaging must be in \(0, 1\]"):
        EntropySGD(averaging=1.5)
    with pytest.raises(ValueError, match="inner_steps must be a whole number of at least 1"):
        EntropySGD(inner_steps=0)


def test_a_configuration_needs_no_torch():
    check = "import sys, llcbench.training.config; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
