"""Suite files: what comes along is sound, and what is wrong is said in one line."""

from pathlib import Path

import pytest

from llcbench.heuristics.suite import FELT, Preset, check, load, names

GOOD = """
title = "t"
version = 1
seeds = 2
[defaults]
data = "digits"
network = "mlp-4"
[defaults.training]
stop = "loss"
stop_loss = 0.5
penalties = { jacobian = 0.1 }
[[experiment]]
name = "lr"
factor = "learning rate"
arm = [{ level = 0.1, training = { lr = 0.1, penalties = { spectral = 0.2 } } },
       { level = 0.2, name = "fast", training = { stop = "steps", stop_loss = "none" } }]
[experiment.settings.training]
momentum = 0.5
"""


def written(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_suites_that_come_along() -> None:
    assert names() == ["gc", "image", "text"]
    keys = set()
    for name in names():
        design = load(name)
        check(design)
        assert design.seeds >= 5
        for trial in design.trials(1):
            assert trial.measuring.felt >= FELT
            assert trial.training.check_every <= 5 or trial.training.stop == "steps"
            keys.add(trial.key)
        assert any(experiment.claims for experiment in design.experiments)
        assert load(name, "paper").name == f"{name}-paper"
    assert len(keys) == sum(len(load(name).trials(1)) for name in names())


def test_layers_are_merged(tmp_path: Path) -> None:
    design = load(written(tmp_path, GOOD))
    slow, fast = design.experiments[0].arms
    assert (slow.name, fast.name, design.name) == ("0.1", "fast", "mine")
    training = slow.trial.training
    assert (training.lr, training.momentum, training.stop_loss) == (0.1, 0.5, 0.5)
    assert (training.penalties.jacobian, training.penalties.spectral) == (0.1, 0.2)
    assert (fast.trial.training.stop, fast.trial.training.stop_loss) == ("steps", None)
    assert not design.experiments[0].matched


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lr = 0.1", "lr = -1.0", "lr must be a finite positive number"),
        ("lr = 0.1", "rl = 1.0", "rl"),
        ("level = 0.2", "level = 0.1", "one level"),
        ("level = 0.2", "level = 0", "no logarithm"),
        ('name = "fast"', 'name = "0.1"', "one name"),
        ("momentum = 0.5", "momentum = 0.5\n[experiment.settings.measuring]\ngamma = 1.0", "felt"),
        ('data = "digits"', "", "data is not given"),
        ('name = "lr"', 'name = "lr"\nat = "checkpoints"', "takes one arm"),
        ("version = 1", "version = []", "version"),
        ("seeds = 2", "seeds = 2\nseed = 1", "seed"),
        ("title", "title title", "mine"),
    ],
)
def test_bad_files(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ValueError, match="suite") as caught:
        load(written(tmp_path, GOOD.replace(old, new, 1)))
    text = str(caught.value)
    assert words.replace("felt", "lengthen the chains") in text
    assert "mine.toml" in text


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'image'"):
        load("imag")
    with pytest.raises(ValueError, match="does not exist"):
        load("nowhere.toml")
    with pytest.raises(ValueError, match="preset 'paper' is unknown: take cpu"):
        load(written(tmp_path, GOOD), "paper")
    design = load(written(tmp_path, GOOD.replace("mlp-4", "resnext-64")))
    with pytest.raises(ValueError, match="resnext-64"):
        check(design)
    with pytest.raises(ValueError, match="no experiment 'x' in mine: lr"):
        design.only(("x",))
    with pytest.raises(ValueError, match="seeds must be at least 1"):
        design.trials(0)
    assert Preset(seeds=1, experiment=[]).diffusive is False
