"""What is too large is refused before it takes memory; what is large is not."""

import resource
import tracemalloc
from pathlib import Path

import pytest
from command import here

from llcbench import registry
from llcbench.problems.family import MOST_DENSE, whole_of
from llcbench.problems.polynomials.algebraic import LIMIT, MAKERS, NAMED

HUGE = (
    "dln/100000-100000/r1", "dln/1000000000-3-3/r3-1", "dln/3-1000000000-3/r1", "rrr/1-30000-1/r1",
    "rrr/100000-100000-2/r1", "regular/d3000000000", "regular/d1000001",
    "poly/x2/padded-1000000000",
    "regular/d100000/rotated-1", "dln/1m/s0/rotated-1", "poly/x2/n1000000000000",
    "model/tanh-1000000",
    "alg/tensor-3-1000000000", "alg/minors-60-60-30", "alg/minors-7-8-7",
    "alg/gram-1000000-1000000",
    "alg/convolution-0-1000000000", "alg/cusp-1000000000", "alg/filters-20-20-20",
)  # fmt: skip
MALFORMED = (
    "poly/x^1000000000", "dln/\u0663-3/r1", "dln/\u00b2-3/r1", "dln/3-3/r" + "9" * 200,
    "regular/d0",
    "dln/1k/s" + "9" * 40, "poly/x2/scaled-" + "9" * 200 + "9" * 84 + "9" * 50, "poly/x2\n", "",
    "poly/" + "x" * 100_000, "dln/" + "-".join("1" * 5000) + "/r1", "poly/x2/scaled-0",
)  # fmt: skip


@pytest.mark.parametrize("identifier", HUGE)
def test_a_huge_id_takes_no_memory(identifier: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"too many|must be between") as refused:
            registry.problem(identifier)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert "not of the form" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("identifier", MALFORMED, ids=lambda text: text[:20])
def test_a_malformed_id_is_refused_in_a_line(identifier: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        registry.problem(identifier)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1500


@pytest.mark.parametrize(
    "identifier",
    ["dln/2-3-4/r1", "dln/2-3-4/r2-1", "dln/1k/s0", "dln/10k/s3", "rrr/5-3-5/r2",
    "dln/2-2-2/r1/n100",
     "dln/2-2-2/r1/padded-5", "dln/2-2-2/r1/scaled-4/padded-2"],
)  # fmt: skip
def test_the_size_of_an_id_is_that_of_the_problem(identifier: str) -> None:
    assert registry.size_of(identifier) == registry.problem(identifier).dim


def test_the_size_of_a_huge_id_is_known_without_it() -> None:
    assert registry.size_of("dln/1000000000-3-3/r3-1") == 3_000_000_009 > MOST_DENSE
    assert registry.size_of("dln/100m/s0") > 10**7
    assert (
        registry.size_of("poly/x2") == registry.size_of("none/x") == registry.size_of("dln/") == 0
    )


@pytest.mark.parametrize("identifier", NAMED)
def test_the_counts_of_a_family_are_those_of_its_members(identifier: str) -> None:
    name, *parts = identifier.removeprefix("alg/").split("-")
    maker = MAKERS[name]
    given = parts if maker.words else [int(part) for part in parts]
    definition = maker.make(*given)
    written = sum(text.count(each) for text in definition.generators
                  for each in definition.variables if len(each) > 1)  # fmt: skip
    assert len(definition.variables) <= maker.variables(*given) <= LIMIT
    assert maker.words or maker.variables(*given) == len(definition.variables)
    assert maker.terms(*given) >= written / 3
    assert whole_of("\u0663") is None


COMMANDS = (
    ("run", "smoke", "--replicates", "1000000000"),
    ("run", "smoke", "--replicates", "9" * 400),
    ("plan", "smoke", "--set", "num_draws=1000000000000000"),
    ("plan", "smoke", "--set", "num_chains=1000000000000"),
    ("plan", "smoke", "-p", "dln/100000-100000/r1"),
    ("run", "smoke", "-p", "dln/1m/s0", "--set", "num_chains=100000"),
    ("tune", "sgld", "poly/x2", "--set", "num_chains=1000000000000"),
    ("tune", "sgld", "dln/1000000000-3-3/r3-1"),
    ("show", "regular/d3000000000"),
    ("theory", "rlct", "x^999999999999"),
    ("heuristics", "run", "gc", "--seeds", "1000000000"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: " ".join(words)[:50])
def test_a_huge_request_is_refused_in_a_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    store = () if arguments[0] not in ("run", "plan") else ("--store", str(tmp_path / "store"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = here(*arguments, *store)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
    assert list(tmp_path.iterdir()) == []
