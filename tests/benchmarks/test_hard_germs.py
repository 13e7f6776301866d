"""Share of exact answers, and time, of the solver on a fixed list of hard germs.

Run with ``pytest tests/benchmarks/test_hard_germs.py --benchmark-only -s``; it takes minutes.
"""

from importlib import import_module
from typing import Any

hard = import_module("hard_germs")


def test_hard_germs(benchmark: Any) -> None:
    outcomes = benchmark.pedantic(lambda: [hard.solve(case) for case in hard.cases()], rounds=1)
    total = hard.summary(outcomes)
    print(
        f"\n{total.exact} of {total.germs} hard germs exact, median {total.median:.3f} s, "
        f"95 % {total.tail:.2f} s"
    )
    for case, result, _ in outcomes:
        assert 0 < result.lower <= result.upper
        if case.known is not None:
            value, multiplicity = case.known
            assert result.lower <= value <= result.upper, case.text
            assert result.multiplicity in (None, multiplicity), case.text
    assert total.germs >= 100
    assert total.exact >= 0.95 * total.germs


def test_the_list_has_germs_in_three_and_four_variables() -> None:
    listed = hard.cases()
    assert len(listed) >= 100
    assert len({(case.text, case.place) for case in listed}) == len(listed)
