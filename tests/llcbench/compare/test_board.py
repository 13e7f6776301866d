import numpy as np
import pytest

from llcbench.compare.board import ALPHA, leaderboard, ranked, told_apart
from llcbench.compare.pairwise import Difference

PROBLEMS = [f"poly/p{place}" for place in range(12)]


def entry(make_run, sampler: str, size: float, *, seed: int = 0, problems=PROBLEMS, broken=0):
    """Return runs whose relative errors have the given size; the first ones fail."""
    rng = np.random.default_rng(seed)
    errors = rng.normal(size, size / 4, (len(problems), 3))
    return [
        make_run(
            problem, sampler, r, error=errors[place, r], local=f"{place + 1}/2",
            status="diverged" if place < broken else "ok",
        )
        for place, problem in enumerate(problems)
        for r in range(3)
    ]  # fmt: skip


def ranks(records, by: str = "bias") -> dict[str, int | None]:
    return {s.entry: s.rank for s in leaderboard(records, by=by, draws=200).standings}


@pytest.mark.parametrize("by", ["bias", "rmse", "error", "coverage", "seconds", "failed", "order"])
def test_identical_entries_share_the_rank(make_run, by: str) -> None:
    records = [r for name in ("one", "two", "three") for r in entry(make_run, name, 0.1)]
    assert set(ranks(records, by).values()) == {1}


def test_identical_entries_share_the_rank_behind_a_better_one(make_run) -> None:
    records = [r for name in ("one", "two") for r in entry(make_run, name, 0.3)]
    assert ranks(records + entry(make_run, "best", 0.03, seed=1)) == {"best": 1, "one": 2, "two": 2}


@pytest.mark.parametrize("by", ["bias", "rmse", "error"])
def test_a_clearly_better_entry_is_ranked_apart(make_run, by: str) -> None:
    good, bad = entry(make_run, "good", 0.03), entry(make_run, "bad", 0.3, seed=1)
    board = leaderboard(bad + good, by=by, draws=200)
    assert [(s.entry, s.rank, s.shared) for s in board.standings] == [
        ("good", 1, False), ("bad", 2, False),
    ]  # fmt: skip
    assert [(s.beats, s.loses) for s in board.standings] == [(1, 0), (0, 1)]


def test_equal_distributions_tie(make_run) -> None:
    """The negative control: other seeds alone put nobody apart."""
    records = [r for n in range(4) for r in entry(make_run, f"s{n}", 0.1, seed=n)]
    assert set(ranks(records).values()) == {1}


def test_failures_cost_the_rank(make_run) -> None:
    steady = entry(make_run, "steady", 0.1)
    broken = entry(make_run, "broken", 0.01, seed=1, broken=9)
    assert ranks(steady + broken) == {"steady": 1, "broken": 2}
    # Had the failed runs been dropped, it would have won.
    done = [r for r in broken if r.estimate.status == "ok"]
    assert ranks(steady + done)["broken"] == 1


def test_nobody_gains_from_easy_problems(make_run) -> None:
    """An entry that ran only where errors are small is compared there and nowhere else."""
    hard, easy = PROBLEMS[:6], PROBLEMS[6:]
    both = entry(make_run, "both", 0.5, problems=hard) + entry(
        make_run, "both", 0.02, problems=easy, seed=1
    )
    picky = entry(make_run, "picky", 0.06, problems=easy, seed=2)
    rows = leaderboard(both + picky, draws=200).standings
    assert [(s.entry, s.rank, s.problems, s.asked) for s in rows] == [
        ("both", 1, 12, 12), ("picky", 2, 6, 12),
    ]  # fmt: skip
    assert rows[0].figures["bias"].value > rows[1].figures["bias"].value


def pair(
    first: str, second: str, value: float | None, p: float, scope: str = "problems", raw: float = 0
) -> Difference:
    """Return a difference with a corrected p-value; the plain one is 0 unless given."""
    return Difference(
        metric="bias", first=first, second=second, problems=9, scope=scope, value=value,
        low=None, high=None, ratio=False, p=raw, adjusted=p,
    )  # fmt: skip


def test_groups_by_hand() -> None:
    """Nobody in a group is told apart from anybody else in it; ranks count those before."""
    found = [
        pair("a", "b", -1, 0.5), pair("a", "c", -1, 0.3), pair("a", "d", -1, 0.01),
        pair("b", "c", -1, 0.04), pair("b", "d", -1, 0.01), pair("c", "d", -1, 0.9),
    ]  # fmt: skip
    assert ranked(list("dcba"), [4, 3, 2, 1], found) == {"a": 1, "b": 1, "c": 3, "d": 3}


def test_the_metric_decides_between_strangers() -> None:
    assert ranked(["a", "b"], [2.0, 1.0], []) == {"b": 1, "a": 1}


def test_entries_without_the_figure_come_last_and_have_no_rank(make_run) -> None:
    free = [make_run(f"poly/p{p}", "exact", error=0.1, grads=0) for p in range(4)]
    paid = [make_run(f"poly/p{p}", "sgld", error=0.1) for p in range(4)]
    assert list(ranks(free + paid, "grads5").items()) == [("sgld", 1), ("exact", None)]


def test_unknown_metric_and_nothing_to_compare(make_run) -> None:
    with pytest.raises(ValueError, match=r"unknown metric 'bia'.*did you mean 'bias'"):
        leaderboard([make_run()], by="bia")
    with pytest.raises(ValueError, match="no run has a tempered truth"):
        leaderboard([make_run(tempered=None)])


def test_the_corrected_p_value_tells_apart_at_ten_percent_and_only_on_problems() -> None:
    assert ALPHA == 0.1
    assert told_apart(pair("a", "b", 1.0, 0.0999))
    assert not told_apart(pair("a", "b", 1.0, 0.1))
    assert not told_apart(pair("a", "b", 1.0, 0.001, scope="replicates"))


def test_nobody_joins_a_group_with_an_entry_it_is_told_apart_from() -> None:
    """``c`` is like ``b``, its neighbour, but told apart from ``a`` at the head of the group."""
    found = [pair("a", "b", -1, 0.5), pair("a", "c", -1, 0.01), pair("b", "c", -1, 0.5)]
    assert ranked(list("abc"), [1, 2, 3], found) == {"a": 1, "b": 1, "c": 3}


def test_wins_count_per_opponent() -> None:
    """``a`` won 3 of 4, ``b`` its only one: more opponents are no more points."""
    found = [pair("a", other, -1, 0.01) for other in "cdf"] + [
        pair("a", "e", 1, 0.01), pair("b", "c", -1, 0.01), pair("e", "d", None, 1.0),
    ]  # fmt: skip
    order = list(ranked(list("abcdef"), [6, 5, 4, 3, 2, 1], found))
    # e has 1 of 1 and so has b, whose loss is larger; a has (3 - 1) / 4; the others lost.
    assert order == ["e", "b", "a", "f", "d", "c"]


def test_between_equals_the_smaller_loss_comes_first_whatever_the_name() -> None:
    assert list(ranked(["a", "b", "c"], [3.0, 1.0, 2.0], [])) == ["b", "c", "a"]


def test_ranks_count_the_entries_before() -> None:
    """Three that tie, one behind them: its rank is 4."""
    found = [pair(a, "d", -1, 0.01) for a in "abc"]
    assert ranked(list("abcd"), [1, 1, 1, 2], found) == {"a": 1, "b": 1, "c": 1, "d": 4}


def test_an_entry_without_a_value_has_no_rank() -> None:
    assert ranked(["a", "b"], [np.nan, 1.0], []) == {"b": 1, "a": None}


def test_wins_and_losses_of_a_row_are_those_of_its_pairs(make_run) -> None:
    sizes = {"best": 0.02, "middle": 0.15, "worst": 0.9}
    records = [
        r for seed, (name, size) in enumerate(sizes.items())
        for r in entry(make_run, name, size, seed=seed)
    ]  # fmt: skip
    board = leaderboard(records, by="rmse", draws=200)
    assert {s.entry: (s.rank, s.beats, s.loses) for s in board.standings} == {
        "best": (1, 2, 0), "middle": (2, 1, 1), "worst": (3, 0, 2),
    }  # fmt: skip
