"""Deep linear networks: closed form, listed chains, descent and codimensions must agree."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations, product
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.families import (
    chain_program_global,
    chain_program_local,
    deep_linear_generic,
    deep_linear_global,
    deep_linear_local,
    reduced_rank_local,
)
from theory.families.rank_array import balanced_ranks, collapse

Pair = tuple[int, int]
Ranks = dict[Pair, int]

GLOBAL = [
    ((3, 3, 3), 0, "7/2", 2),
    ((3, 3, 3), 1, "4", 1),
    ((5, 4, 5), 1, "19/2", 2),
    ((4, 4, 4, 4), 1, "13/2", 1),
    ((1, 1, 1, 1), 0, "1/2", 3),
    ((10, 8, 12, 9), 3, "37", 1),
    ((3, 2, 3), 2, "4", 1),
    ((2, 5, 2), 0, "2", 1),
    ((455, 395, 125, 350, 277, 261, 297), 28, "41093/2", 3),
    ((2, 2, 2, 2, 2), 0, "3/2", 5),
]
LOCAL = [
    ((4, 4, 4, 4), (4, 4, 1), "8", "13/2"),
    ((4, 4, 4, 4), (1, 1, 1), "13/2", "13/2"),
    ((4, 4, 4, 4), (4, 4, 4), "8", "8"),
    ((5, 4, 6, 5), (4, 2, 5), "11", "21/2"),
    ((4, 6, 5, 4), (4, 1, 4), "8", "15/2"),
]
SMALL = [(2, 6), (3, 4), (4, 3)]


def small_widths() -> Iterator[tuple[int, ...]]:
    """Every width vector of the exhaustive comparisons."""
    for layers, largest in SMALL:
        yield from product(range(1, largest + 1), repeat=layers + 1)


@cache
def summands(widths: tuple[int, ...]) -> tuple[tuple[Ranks, int, int], ...]:
    """All ways to write a chain of spaces as intervals: (ranks, codimension, product rank).

    The intervals [a, b] with multiplicities m_ab are the isomorphism classes of chains of
    matrices. The class has codimension sum m_ab m_cd over ordered pairs a < c <= b + 1 <= d,
    the number of extensions between the intervals. Nothing here knows of the chain program.
    """
    depth = len(widths) - 1
    intervals = [(a, b) for a in range(depth + 1) for b in range(a, depth + 1)]
    results: list[tuple[Ranks, int, int]] = []

    def fill(index: int, room: tuple[int, ...], chosen: dict[Pair, int]) -> None:
        if index == len(intervals):
            if any(room):
                return
            codimension = sum(
                m * n
                for (a, b), m in chosen.items()
                for (c, d), n in chosen.items()
                if a < c <= b + 1 <= d
            )
            ranks = {
                (i, j): sum(m for (a, b), m in chosen.items() if a <= i and j <= b)
                for i, j in combinations(range(depth + 1), 2)
            }
            results.append((ranks, codimension, ranks[0, depth]))
            return
        a, b = intervals[index]
        if a > 0 and room[a - 1]:
            return
        for m in range(min(room[a : b + 1]) + 1):
            left = tuple(h - m if a <= k <= b else h for k, h in enumerate(room))
            fill(index + 1, left, {**chosen, (a, b): m} if m else chosen)

    fill(0, widths, {})
    return tuple(results)


def codimension(widths: tuple[int, ...], ranks: Ranks) -> int:
    """Least codimension, among parameters with the true product, of a stratum at the point.

    One stratum has another in its closure exactly when none of its partial ranks is smaller
    (Abeasis and Del Fra 1985); fixing the product adds the dimension of the rank-r matrices.
    """
    rank = ranks[0, len(widths) - 1]
    least = min(
        c
        for stratum, c, r in summands(widths)
        if r == rank and all(stratum[pair] >= ranks[pair] for pair in ranks)
    )
    return rank * (widths[0] + widths[-1] - rank) + least


def random_layers(rng: np.random.Generator, widths: Sequence[int]) -> list[np.ndarray]:
    """Layers with ranks that differ from layer to layer and kernels that meet images.

    In random bases every layer is a partial permutation, so partial products cancel often.
    """
    bases = [np.linalg.qr(rng.normal(size=(h, h)))[0] for h in widths]
    layers = []
    for k in range(1, len(widths)):
        before, after = widths[k - 1], widths[k]
        core = np.zeros((after, before))
        rank = int(rng.integers(0, min(before, after) + 1))
        rows = rng.permutation(after)[:rank]
        columns = rng.permutation(before)[:rank]
        core[rows, columns] = rng.uniform(0.5, 2, size=rank)
        layers.append(bases[k] @ core @ bases[k - 1].T)
    return layers


def product_ranks(layers: Sequence[np.ndarray]) -> Ranks:
    """Ranks of all partial products by plain multiplication."""
    ranks = {}
    for i in range(len(layers)):
        value = np.eye(layers[i].shape[1])
        for j in range(i + 1, len(layers) + 1):
            value = layers[j - 1] @ value
            ranks[i, j] = int(np.linalg.matrix_rank(value, tol=1e-8))
    return ranks


def random_cases(count: int, seed: int, most_layers: int, widest: int) -> Iterator[tuple]:
    """Random widths, layers and rank arrays."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        widths = tuple(
            int(h) for h in rng.integers(1, widest + 1, size=rng.integers(2, most_layers + 2))
        )
        layers = random_layers(rng, widths)
        yield widths, layers, product_ranks(layers)


@pytest.mark.parametrize(("widths", "rank", "value", "multiplicity"), GLOBAL)
def test_global_examples(widths: tuple[int, ...], rank: int, value: str, multiplicity: int) -> None:
    result = deep_linear_global(widths, rank)
    assert (result.value, result.multiplicity) == (Fraction(value), multiplicity)
    assert result.exact
    assert result.scope == "global"


@pytest.mark.parametrize(("widths", "layer_ranks", "local", "least"), LOCAL)
def test_local_examples(
    widths: tuple[int, ...], layer_ranks: tuple[int, ...], local: str, least: str
) -> None:
    assert deep_linear_generic(widths, layer_ranks).value == Fraction(local)
    assert deep_linear_global(widths, min(layer_ranks)).value == Fraction(least)


def test_closed_form_is_the_chain_program() -> None:
    compared = 0
    for widths in small_widths():
        for rank in range(min(widths) + 1):
            closed = deep_linear_global(widths, rank)
            listed = chain_program_global(widths, rank)
            assert (closed.value, closed.multiplicity) == (listed.value, listed.multiplicity)
            compared += 1
    assert compared == 1786


def test_closed_form_is_the_least_codimension() -> None:
    for widths in small_widths():
        for rank in range(min(widths) + 1):
            ranks = balanced_ranks(len(widths) - 1, rank)
            assert 2 * deep_linear_global(widths, rank).value == codimension(widths, ranks)


def test_local_at_balanced_points_is_global() -> None:
    for widths in small_widths():
        for rank in range(min(widths) + 1):
            local = deep_linear_local(widths, balanced_ranks(len(widths) - 1, rank))
            least = deep_linear_global(widths, rank)
            assert (local.value, local.multiplicity) == (least.value, least.multiplicity)
            assert local.exact
            assert not local.multiplicity_provisional


def test_local_value_is_a_codimension_and_descent_agrees_with_listing() -> None:
    """Every rank array that any chain of matrices of these widths can have."""
    compared = 0
    for layers, largest in [(1, 3), (2, 3), (3, 3), (4, 2)]:
        for widths in product(range(1, largest + 1), repeat=layers + 1):
            for ranks, _, rank in summands(widths):
                local = deep_linear_local(widths, ranks)
                assert 2 * local.value == codimension(widths, ranks)
                listed = chain_program_local(widths, ranks)
                assert (local.value, local.multiplicity) == (listed.value, listed.multiplicity)
                assert local.value >= deep_linear_global(widths, rank).value
                compared += 1
    assert compared == 3576


def test_two_layers_agree_with_reduced_rank_regression() -> None:
    compared = 0
    for inputs, hidden, outputs in product(range(1, 6), repeat=3):
        for first, second in product(
            range(min(inputs, hidden) + 1), range(min(hidden, outputs) + 1)
        ):
            for rank in range(max(0, first + second - hidden), min(first, second) + 1):
                closed = reduced_rank_local(inputs, hidden, outputs, rank, first, second)
                chain = deep_linear_local(
                    (inputs, hidden, outputs), {(0, 1): first, (1, 2): second, (0, 2): rank}
                )
                assert (closed.value, closed.multiplicity) == (chain.value, chain.multiplicity)
                assert not chain.multiplicity_provisional
                compared += 1
    assert compared == 1857


def test_descent_agrees_with_listing_on_random_weights() -> None:
    for widths, _, ranks in random_cases(400, 1, 5, 8):
        fast = deep_linear_local(widths, ranks)
        listed = chain_program_local(widths, ranks)
        assert (fast.value, fast.multiplicity) == (listed.value, listed.multiplicity)


def test_local_is_between_the_tangent_bound_and_the_parameter_count() -> None:
    """The rank of the differential counts regular coordinates: a bound that needs no theory."""
    for widths, layers, ranks in random_cases(150, 2, 4, 5):
        columns = []
        for k, layer in enumerate(layers):
            below = np.linalg.multi_dot([*layers[:k][::-1], np.eye(widths[0])]) if k else None
            below = np.eye(widths[0]) if below is None else below
            above = np.eye(widths[k + 1])
            for later in layers[k + 1 :]:
                above = later @ above
            columns.append(np.kron(above, below.T))
            assert columns[-1].shape[1] == layer.size
        tangent = int(np.linalg.matrix_rank(np.hstack(columns), tol=1e-8))
        local = deep_linear_local(widths, ranks)
        assert tangent <= 2 * local.value <= sum(layer.size for layer in layers)
        assert local.value >= deep_linear_global(widths, ranks[0, len(layers)]).value


def test_removing_smooth_nodes_keeps_value_and_multiplicity() -> None:
    """A node that is removed and the rank that is split off leave the rest of the pole alone."""
    shorter = 0
    for widths, _, ranks in random_cases(400, 3, 5, 6):
        rank = ranks[0, len(widths) - 1]
        core, core_ranks = collapse(widths, ranks)
        if min(core) == 0:
            continue
        whole = deep_linear_local(widths, ranks)
        rest = chain_program_local(core, core_ranks)
        regular = Fraction(rank * (widths[0] + widths[-1] - rank), 2)
        assert (whole.value, whole.multiplicity) == (rest.value + regular, rest.multiplicity)
        shorter += len(core) < len(widths)
    assert shorter > 50


def test_transposing_the_network_keeps_the_value() -> None:
    for widths, _, ranks in random_cases(200, 4, 6, 9):
        depth = len(widths) - 1
        mirrored = {(depth - j, depth - i): rank for (i, j), rank in ranks.items()}
        one, other = deep_linear_local(widths, ranks), deep_linear_local(widths[::-1], mirrored)
        assert (one.value, one.multiplicity) == (other.value, other.multiplicity)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=7), st.data())
@settings(max_examples=100, deadline=None)
def test_permuting_hidden_widths_keeps_the_global_value(
    widths: list[int], data: st.DataObject
) -> None:
    rank = data.draw(st.integers(0, min(widths)))
    hidden = data.draw(st.permutations(widths[1:-1]))
    one = deep_linear_global(widths, rank)
    other = deep_linear_global([widths[0], *hidden, widths[-1]], rank)
    assert (one.value, one.multiplicity) == (other.value, other.multiplicity)
    descent = deep_linear_local(widths, balanced_ranks(len(widths) - 1, rank))
    assert (one.value, one.multiplicity) == (descent.value, descent.multiplicity)


def test_all_but_one_layer_invertible_is_regular() -> None:
    for width, singular, rank in product(range(1, 5), range(3), range(4)):
        if rank <= width:
            layer_ranks = [width] * 3
            layer_ranks[singular] = rank
            result = deep_linear_generic([width] * 4, layer_ranks)
            assert (result.value, result.multiplicity) == (Fraction(width**2, 2), 1)
            assert not result.multiplicity_provisional


def test_full_rank_fibre_is_smooth() -> None:
    for widths, _, ranks in random_cases(300, 5, 4, 4):
        rank = ranks[0, len(widths) - 1]
        if rank == min(widths):
            local = deep_linear_local(widths, ranks)
            expected = Fraction(rank * (widths[0] + widths[-1] - rank), 2)
            assert (local.value, local.multiplicity) == (expected, 1)


def test_wide_hidden_layers_of_the_saddle_experiment() -> None:
    for rank in range(6):
        result = deep_linear_global([5, 10, 12, 11, 10, 5], rank)
        assert (result.value, result.multiplicity) == (Fraction(25, 2), 1)


def test_hidden_permutations_of_one_example() -> None:
    values = {
        (result.value, result.multiplicity)
        for hidden in permutations((4, 7, 5))
        for result in [deep_linear_global((6, *hidden, 6), 2)]
    }
    assert len(values) == 1


def test_deep_and_wide_is_fast_and_exact() -> None:
    rng = np.random.default_rng(6)
    widths = [3000] * 41
    layer_ranks = [int(k) for k in rng.integers(500, 3001, size=40)]
    start = perf_counter()
    local = deep_linear_generic(widths, layer_ranks)
    assert perf_counter() - start < 5
    assert local.value >= deep_linear_global(widths, min(layer_ranks)).value
    balanced = deep_linear_local(widths, balanced_ranks(40, 500))
    least = deep_linear_global(widths, 500)
    assert (balanced.value, balanced.multiplicity) == (least.value, least.multiplicity)


def test_closed_form_for_hundreds_of_layers() -> None:
    result = deep_linear_global([2000 + k % 7 for k in range(800)], 3)
    assert result.value.denominator in (1, 2)


def test_provisional_multiplicities_are_marked() -> None:
    # Neither end of any layer is full and the layers do not vanish: no published theorem applies.
    ranks: Mapping[Pair, int] = {
        (0, 1): 1,
        (1, 2): 1,
        (2, 3): 1,
        (0, 2): 0,
        (1, 3): 0,
        (0, 3): 0,
    }
    result = deep_linear_local((3, 3, 3, 3), ranks)
    assert result.multiplicity_provisional
    assert "provisional" in str(result)
    assert 2 * result.value == codimension((3, 3, 3, 3), dict(ranks))


def test_a_provisional_multiplicity_against_its_volume() -> None:
    """Widths 1,2,2,2 with W_1 = 0, ranks 1 and 1, W_3 W_2 = 0: no published theorem covers m.

    In coordinates of the point the product is (c v + a u, d v) with free v, u, a, c, d near 0.
    Drawing c and d last, the volume of {|product| < e} is within constant factors the integral of
    min(1, e/v)^2 P(|a u| < max(v, e)) over v, where P(|a u| < s) = s (1 + log 1/s).
    """
    ranks = {(0, 1): 0, (0, 2): 0, (0, 3): 0, (1, 2): 1, (1, 3): 0, (2, 3): 1}
    result = deep_linear_local((1, 2, 2, 2), ranks)

    def log_volume(depth: float) -> float:
        # v = exp(-x) with e = exp(-depth); below e the integrand no longer depends on v but P.
        x = np.linspace(0.0, depth, 200_001)
        scaled = 1 + x  # exp(2 depth) (e/v)^2 v P(|a u| < v), up to the common factor
        tail = 1 + depth
        return -2 * depth + float(np.log(np.trapezoid(scaled, x) + tail))

    depths = np.array([1e3, 2e3])
    first, second = (log_volume(depth) for depth in depths)
    # vol ~ e^(2 lambda) (log 1/e)^(m - 1), for e = sqrt(K).
    order = 1 + ((second - first) + 2 * float(result.value) * 1e3) / np.log(2)
    assert 2 * result.value == 2
    assert order == pytest.approx(3, abs=0.01)
    assert result.multiplicity == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({(0, 1): 4}, r"ranks\[\(0, 1\)\] must be an integer between 0 and 3, got 4"),
        ({(0, 2): 0}, r"ranks\[\(0, 2\)\] must be an integer between 1 and 2, got 0"),
        ({(0, 3): 2}, r"ranks\[\(0, 3\)\] must be an integer between 0 and 1, got 2"),
        ({(1, 3): 1.0}, r"ranks\[\(1, 3\)\] must be an integer .* got 1.0"),
        ({(2, 1): 1}, r"ranks has the key \(2, 1\)"),
    ],
)
def test_impossible_ranks_name_the_pair(change: dict[Pair, object], message: str) -> None:
    ranks: dict[Pair, object] = {
        (0, 1): 2,
        (1, 2): 2,
        (2, 3): 2,
        (0, 2): 1,
        (1, 3): 1,
        (0, 3): 1,
    }
    ranks.update(change)
    with pytest.raises(ValueError, match=message):
        deep_linear_local((3, 3, 3, 3), ranks)  # type: ignore[arg-type]


def test_a_missing_pair_is_named() -> None:
    with pytest.raises(ValueError, match=r"ranks has no entry \(0, 2\)"):
        deep_linear_local((3, 3, 3), {(0, 1): 1, (1, 2): 1})


@pytest.mark.parametrize(
    ("widths", "rank", "message"),
    [
        ((3, 2, 3), 3, "rank must be an integer between 0 and 2, got 3"),
        ((3, 2, 3), -1, "rank must be an integer between 0 and 2, got -1"),
        ((3, 2, 3), True, "rank must be an integer between 0 and 2, got True"),
        ((3, -2, 3), 0, r"widths\[1\] must be an integer of at least 1, got -2"),
        ((3, 2.0, 3), 0, r"widths\[1\] must be an integer of at least 1, got 2.0"),
        ((3,), 0, "widths must have at least 2 entries, got 1"),
        ("33", 0, "widths must be a sequence"),
    ],
)
def test_inadmissible_arguments(widths: object, rank: object, message: str) -> None:
    for family in (deep_linear_global, chain_program_global):
        with pytest.raises(ValueError, match=message):
            family(widths, rank)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layer_ranks", "message"),
    [
        ((1,), "layer_ranks must have 2 entries, one for each layer, got 1"),
        ((1, 3), r"layer_ranks\[1\] must be an integer between 0 and 2, got 3"),
        ((1, -1), r"layer_ranks\[1\] must be an integer of at least 0, got -1"),
    ],
)
def test_inadmissible_layer_ranks(layer_ranks: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        deep_linear_generic((3, 2, 4), layer_ranks)


def test_listing_refuses_what_it_cannot_finish() -> None:
    with pytest.raises(ValueError, match="use deep_linear_global"):
        chain_program_global([100] * 6, 0)
