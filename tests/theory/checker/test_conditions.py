"""Every condition of the checkers has a forged certificate that it rejects, and no other does.

``forgeries.json`` holds true certificates and, for each condition, the edits that forge one. It was
found by a search over edits; those of `handmade` are written by hand. A change of the checker that
leaves a condition out, or never reaches it, fails here.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from conditions import conditions, judge, rejecting, without
from handmade import HANDMADE
from mutations import changed

Json = dict[str, Any]
TABLE: Json = json.loads((Path(__file__).parent / "forgeries.json").read_text("utf-8"))


# What no certificate reaches, with the reason.
UNREACHED = {
    "verify._tree: the result carries no certificate": "of a result in memory: test_verify.py",
    "arrangements.least_ratio: one positive exponent per form": "a state has one for each ideal",
    "base.residue: a denominator divisible by the test prime": "a number above the prime 2^61 - 1",
}
# Honest debt: conditions for which nobody has written a forgery yet.
MISSING = frozenset(
    {
        "moves.check_substitute: a relation",
        "newton._check_face: a generator is missing on the face",
        "newton._check_face: not smooth",
        "plane._check_roots: a root that is none",
        "plane._check_roots: a branch without a root",
        "plane._check_roots: a branch of another curve",
        "plane._check_roots: a multiple root is no smooth branch",
        "plane._check_child: alpha is no root of its polynomial",
        "simplifications._step_factor: a factor is missing",
        "simplifications._step_direction: a coordinate in a relation",
        "splits.check_split: no polynomial in the parameters",
        "splits._never: f'the {key} does not prove it'",
        "splits._pivoted: no parameter",
        "splits._pivoted: the leading coefficient",
        "splits._pivoted: the parameter is already tied",
        "splits._solved: no parameter",
        "splits._solved: a relation",
        "splits._solved: a relation #2",
        "splits._solved: the leading coefficient",
        "states.Seen.without_variables: a pivot",
        "states.Seen.check_parts: a coordinate",
        "states.Seen.check_parts: another region",
        "states.Seen.check_parts: a relation was left out",
        "strata.check_algebraic_point: natural exponents",
        "strata.check_algebraic_point: a unit vanishes",
        "strata.check_algebraic_point: K or the product is zero",
        "strata._same_field: another field",
        "strata._same_field: another root",
    }
)


def _names() -> list[str]:
    return sorted({*TABLE["forgeries"], *HANDMADE})


def _forged(name: str) -> Json:
    if name in HANDMADE:
        return HANDMADE[name]()
    entry = TABLE["forgeries"][name]
    plain = copy.deepcopy(TABLE["bases"][entry["base"]])
    for path, value in entry["edits"]:
        plain = changed(plain, tuple(path), value)
    found: Json = plain
    return found


@pytest.mark.parametrize("base", sorted(TABLE["bases"]))
def test_what_was_forged_is_right_before(base: str) -> None:
    assert rejecting(judge(TABLE["bases"][base])) is None


@pytest.mark.parametrize("name", _names())
def test_a_condition_rejects_its_forgery(name: str) -> None:
    call = judge(_forged(name))
    assert rejecting(call) == name
    if conditions()[name].helper:
        with without(name):
            after = rejecting(call)
        assert after != name
        if name in TABLE["forgeries"]:
            # What nothing else rejects would be a proof of something false, or of nothing.
            assert (after is None) == TABLE["forgeries"][name]["alone"]


ALONE = frozenset(name for name, entry in TABLE["forgeries"].items() if entry["alone"])


def test_every_condition_has_a_forgery() -> None:
    """A new condition needs one; a condition that is gone takes its own along."""
    forged, listed = set(_names()), {*UNREACHED, *MISSING}
    assert forged & listed == set()
    assert forged | listed == set(conditions())
    print(
        f"{len(conditions())} conditions: {len(forged)} with a forgery, {len(ALONE)} of them alone"
        f" between it and acceptance; {len(UNREACHED)} unreached, {len(MISSING)} without one yet"
    )


def test_the_harness_tells_conditions_apart() -> None:
    one, other = sorted(ALONE)[:2]
    with without(other):
        assert rejecting(judge(_forged(one))) == one
    assert rejecting(judge(_forged(one))) == one
    assert rejecting(lambda: [][0]) == "?"
    assert rejecting(lambda: None) is None
