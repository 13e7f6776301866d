import pytest

from llcbench.compare import compare
from llcbench.compare.entries import LeaderboardEntry, entries_of
from llcbench.settings import Settings


def names(records) -> list[str]:
    return [entry.name for entry in entries_of(records).runs]


def test_names_tell_sampler_variant_and_estimator() -> None:
    assert LeaderboardEntry("sgld").name == "sgld"
    assert LeaderboardEntry("sgld", "tuned").name == "sgld@tuned"
    full = LeaderboardEntry("sgld", "tuned", "regression[rungs=6]", "num_draws=10", "a.jsonl")
    assert full.name == "sgld[num_draws=10]@tuned:regression[rungs=6] in a.jsonl"


def test_several_configurations_are_several_entries(make_run) -> None:
    records = [make_run(parameters={"step_size": s, "adapt": 5}) for s in (1e-4, 1e-3)]
    assert names(records) == ["sgld[step_size=0.0001]", "sgld[step_size=0.001]"]
    # One configuration per problem is no choice within a problem.
    apart = [
        make_run(f"poly/p{place}", parameters={"step_size": s})
        for place, s in enumerate((1e-4, 1e-3))
    ]
    assert names(apart) == ["sgld"]


def test_lengths_that_go_together_are_named_once(make_run) -> None:
    records = [
        make_run(
            variant="default", parameters={"step_size": 1e-3, "adapt": n // 2},
            settings=Settings(nbeta=1e3, num_draws=n, num_burnin=n // 2),
        )
        for n in (100, 1000)
    ]  # fmt: skip
    assert names(records) == ["sgld[num_draws=100]@default", "sgld[num_draws=1000]@default"]


def test_tuned_steps_may_differ_between_seeds(make_run) -> None:
    records = [
        make_run(replicate=r, variant="tuned", parameters={"step_size": 10.0**-r}) for r in range(3)
    ]
    assert names(records) == ["sgld@tuned"]


def test_a_ladder_gives_way_to_named_variants(make_run, make_ladder) -> None:
    records = [*make_ladder([0.0, 0.1, 0.2]), make_run(variant="default")]
    field = entries_of(records)
    assert [entry.name for entry in field.runs] == ["sgld@default"]
    assert len(field.notes) == 1
    assert "6 runs of sgld vary step_size" in field.notes[0]


def test_another_temperature_is_another_question(make_run) -> None:
    records = [
        make_run(settings=Settings(nbeta=nbeta, batch_size=size))
        for nbeta in (1e2, 1e3)
        for size in (None, 8)
    ]
    assert names(records) == ["sgld"]


def test_unknown_and_ambiguous_names_are_helped(make_run) -> None:
    records = [make_run(variant=v) for v in ("default", "tuned")] + [make_run(sampler="mala")]
    field = entries_of(records)
    assert field.named("mala").name == "mala"
    with pytest.raises(ValueError, match=r"'sgld' is not unique.*sgld@default, sgld@tuned"):
        field.named("sgld")
    with pytest.raises(ValueError, match=r"no entry 'mela' in these runs; there is mala"):
        field.named("mela")
    with pytest.raises(ValueError, match=r"no entry '\?' in these runs; there is mala, sgld@def"):
        field.named("?")
    alone = entries_of(records[:1] + records[2:])
    assert alone.named("sgld").name == "sgld@default"


def test_two_sources_are_compared_run_by_run(make_run) -> None:
    mine = [make_run(f"poly/p{p}", replicate=r, error=0.2) for p in range(5) for r in range(2)]
    theirs = [
        make_run(f"poly/p{p}", name, r, error=0.1)
        for p in range(4) for r in range(2) for name in ("sgld", "mala")
    ]  # fmt: skip
    for chosen in ([], ["sgld"], ["sgld", "sgld"]):
        results = {d.metric: d for d in compare(mine, chosen, against=theirs, draws=100)}
        assert results["rmse"].first == "sgld in here"
        assert results["rmse"].second == "sgld in there"
        assert results["rmse"].problems == 4
        assert results["rmse"].value == pytest.approx(0.6931471805599453)
    same = {d.metric: d for d in compare(mine, ["sgld"], against=mine, draws=100)}
    assert same["rmse"].p == same["bias"].p == 1.0
    crossed = compare(mine, ["sgld", "mala"], against=theirs, draws=100)
    assert {d.second for d in crossed} == {"mala in there"}


def test_all_pairs_within_one_source_are_corrected(make_run) -> None:
    records = [
        make_run(f"poly/p{p}", name, error=0.01 * (p + 1) * size * (1 + 0.1 * ((p * size) % 3)))
        for p in range(6) for name, size in (("a", 1), ("b", 2), ("c", 4))
    ]  # fmt: skip
    results = [d for d in compare(records, ["a", "b", "c"], draws=100) if d.metric == "rmse"]
    assert [(d.first, d.second) for d in results] == [("a", "b"), ("a", "c"), ("b", "c")]
    smallest = min(results, key=lambda d: d.p)
    assert smallest.adjusted == pytest.approx(min(1.0, 3 * smallest.p))


def test_what_cannot_be_compared_is_said(make_run) -> None:
    records = [make_run(), make_run(sampler="mala"), make_run("poly/p1", "hmc", tempered=None)]
    with pytest.raises(ValueError, match="name two different entries to compare, of hmc, mala"):
        compare(records, ["sgld", "sgld"])
    with pytest.raises(ValueError, match="hmc has no runs on a problem with a tempered truth"):
        compare(records, ["sgld", "hmc"])
    with pytest.raises(ValueError, match="no entry in common"):
        compare(records[:1], [], against=records[1:2])
