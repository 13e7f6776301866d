"""The generated catalogue, its committed copies and the errors of every family."""

import ast
import inspect
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from other_germs import other_germs
from other_latent_germs import latent_germs
from written_out import all_germs

from theory import families, lookup
from theory.families import FAMILIES
from theory.families.catalogue import entries, markdown, write
from theory.families.evidence import evidence
from theory.families.examples import EXAMPLES
from theory.families.names import CoefficientName

KERNELS = {"norm_product", "normal_crossing", "quasi_homogeneous", "regular"}

PARAMETERS = {
    "ade_squared": "kind k dim definite",
    "braid_squared": "blocks",
    "circular_convolution": "length depth vanishing",
    "deep_linear_at": "weights tolerance",
    "diagonal_linear": "nonzero zero depth",
    "diagonal_tied": "nonzero zero depth",
    "gram_determinant": "p q",
    "identifiable_cp": "dims rank",
    "lda": "words documents topics rank",
    "linear_convolution_common_roots": "lengths real_common complex_common",
    "linear_convolution_zero": "lengths",
    "lines_squared": "multiplicities",
    "minors": "p q k",
    "mixture_common_variance": "components true_components",
    "mixture_one_known": "dim",
    "monomial_ideal": "generators prior",
    "naive_bayes": "features stratum",
    "nmf_bound": "rows columns inner true_inner",
    "nmf_positive": "rows columns inner rank",
    "nmf_zero": "rows columns inner",
    "one_factor": "variables nonzero_loadings",
    "one_hidden_unit": "inputs outputs",
    "phase_retrieval": "dim true_zero",
    "quadratic_network": "units",
    "quartet_tree": "leaves inner_edges",
    "rank_one_tensor": "dims",
    "rbm_one_hidden": "visible visible_bias",
    "relu_identifiable": "units inputs bias",
    "simplex_mixture": "true_components components component_dim dirichlet",
    "softmax_linear": "widths rank",
    "star_tree": "leaves",
    "symmetric_factorisation": "size columns rank",
    "tms_kgon": "k columns dead_column",
    "vandermonde": "outputs units q",
}

# One inadmissible change of the example for every parameter.
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("ade_squared", {"kind": "F"}, "kind"),
    ("ade_squared", {"kind": "D", "k": 3}, "k must"),
    ("ade_squared", {"kind": "E", "k": 9}, "k must"),
    ("ade_squared", {"kind": "D", "dim": 1}, "dim"),
    ("ade_squared", {"definite": 1}, "definite"),
    ("ade_squared", {"k": 2, "definite": True}, "definite"),
    ("braid_squared", {"blocks": (1, 1)}, "blocks"),
    ("braid_squared", {"blocks": ()}, "blocks"),
    ("circular_convolution", {"length": 0}, "length"),
    ("circular_convolution", {"depth": 1.0}, "depth"),
    ("circular_convolution", {"vanishing": (3, 0)}, r"vanishing\[0\]"),
    ("circular_convolution", {"vanishing": (1, 2)}, r"vanishing\[1\]"),
    ("circular_convolution", {"vanishing": (1,)}, "vanishing"),
    ("diagonal_linear", {"nonzero": -1}, "nonzero"),
    ("diagonal_linear", {"nonzero": 0, "zero": 0}, "zero"),
    ("diagonal_tied", {"depth": 0}, "depth"),
    ("gram_determinant", {"q": 1}, "q must"),
    ("gram_determinant", {"p": 0}, "p must"),
    ("identifiable_cp", {"dims": (2, 2)}, "dims"),
    ("identifiable_cp", {"rank": 3}, "rank"),
    ("lda", {"rank": 0}, "rank"),
    ("lda", {"rank": 3}, "rank"),
    ("lda", {"topics": 1}, "topics"),
    ("linear_convolution_common_roots", {"lengths": (3,)}, "lengths"),
    ("linear_convolution_common_roots", {"real_common": ((1, 2),)}, "real_common"),
    ("linear_convolution_common_roots", {"real_common": ((1, 0),)}, "real_common"),
    ("linear_convolution_common_roots", {"complex_common": ((1, 1),)}, "complex_common"),
    ("linear_convolution_zero", {"lengths": (0,)}, "lengths"),
    ("lines_squared", {"multiplicities": (1, 0)}, "multiplicities"),
    ("minors", {"k": 3}, "k must"),
    ("mixture_common_variance", {"true_components": 3}, "true_components"),
    ("mixture_one_known", {"dim": 0}, "dim"),
    ("monomial_ideal", {"generators": ((0, 0),)}, "generators"),
    ("monomial_ideal", {"generators": ((1, 0), (1,))}, "generators"),
    ("monomial_ideal", {"generators": ((0.5, 1),)}, "generators"),
    ("monomial_ideal", {"prior": (0, 0)}, "prior"),
    ("monomial_ideal", {"prior": (0, 0, -1)}, "prior"),
    ("naive_bayes", {"stratum": "other"}, "stratum"),
    ("naive_bayes", {"stratum": "regular", "features": 2}, "features"),
    ("nmf_bound", {"true_inner": 3}, "true_inner"),
    ("nmf_positive", {"rank": 0}, "rank"),
    ("nmf_zero", {"inner": 0}, "inner"),
    ("one_factor", {"nonzero_loadings": 5}, "nonzero_loadings"),
    ("one_hidden_unit", {"inputs": True}, "inputs"),
    ("phase_retrieval", {"true_zero": 1}, "true_zero"),
    ("quadratic_network", {"units": 0}, "units"),
    ("quartet_tree", {"inner_edges": 2}, "inner_edges"),
    ("quartet_tree", {"leaves": 3}, "leaves"),
    ("rank_one_tensor", {"dims": (2, 0)}, "dims"),
    ("rbm_one_hidden", {"visible": 1, "visible_bias": False}, "visible"),
    ("rbm_one_hidden", {"visible_bias": None}, "visible_bias"),
    ("relu_identifiable", {"units": 3, "inputs": 1, "bias": False}, "units"),
    ("relu_identifiable", {"bias": 1}, "bias"),
    ("simplex_mixture", {"components": 1}, "components"),
    ("simplex_mixture", {"dirichlet": 0.5}, "dirichlet"),
    ("simplex_mixture", {"dirichlet": 0}, "dirichlet"),
    ("softmax_linear", {"widths": (3, 2, 1)}, "widths"),
    ("softmax_linear", {"rank": 3}, "rank"),
    ("star_tree", {"leaves": 0}, "leaves"),
    ("symmetric_factorisation", {"rank": 4}, "rank"),
    ("tms_kgon", {"k": 3}, "k must"),
    ("tms_kgon", {"columns": 6}, "columns"),
    ("tms_kgon", {"dead_column": "positive"}, "dead_column"),
    ("tms_kgon", {"dead_column": "negative"}, "columns"),
    ("tms_kgon", {"k": 4, "columns": 5, "dead_column": "one_over_2c"}, "dead_column"),
    ("vandermonde", {"q": 0}, "q must"),
]


@pytest.mark.parametrize(("family", "change", "named"), BAD)
def test_inadmissible_parameters_are_named(family: str, change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        lookup(family, **{**EXAMPLES[family].parameters, **change})
    assert "got" in str(caught.value) or "allowed" in str(caught.value)


def test_every_family_has_an_error_test_and_the_public_parameters() -> None:
    assert {family for family, _, _ in BAD} == PARAMETERS.keys() - {"deep_linear_at"}
    for name, words in PARAMETERS.items():
        assert list(inspect.signature(FAMILIES[name]).parameters) == words.split()
        assert FAMILIES[name] is getattr(families, name)


def test_catalogue_holds_every_family() -> None:
    table = entries()
    assert [entry.family for entry in table] == sorted(FAMILIES)
    assert {*get_args(CoefficientName), "deep_linear_at"} == FAMILIES.keys()
    for entry in table:
        result = entry.result
        assert result.source
        assert result.conditions
        assert result.proof
        assert entry.verified
        assert result.scope in ("local", "global")
        plain = json.loads(json.dumps(entry.to_json()))
        assert plain["lower"] == str(result.lower)
        assert plain["family"] == entry.family
        # Exact, or bounds with a reason.
        assert result.exact or "bound" in result.conditions
    assert sum(not entry.result.exact for entry in table) == 1


def test_catalogue_as_markdown() -> None:
    lines = markdown().splitlines()
    assert len(lines) == len(FAMILIES) + 2
    assert all(line.count(" | ") == 6 for line in lines)
    row = next(line for line in lines if line.startswith("| nmf_bound"))
    assert "[7/2, 4]" in row
    assert "unknown" in row


def test_docstrings_give_formula_source_and_errors() -> None:
    for name in PARAMETERS:
        text = inspect.getdoc(getattr(families, name)) or ""
        assert "ormula" in text, name
        assert "Source:" in text, name
        assert "Raises:" in text, name
        assert text.splitlines()[0].endswith("."), name


def test_the_named_tests_exist() -> None:
    folder = Path(__file__).parents[1]
    shared = {germ.family for germ in all_germs()}
    again = {germ.family for germ in (*other_germs(), *latent_germs())}
    functions: dict[str, set[str]] = {}
    for entry in entries():
        assert entry.tests, entry.family
        for test in entry.tests:
            file, _, name = test.partition("::")
            if file not in functions:
                tree = ast.parse((folder / file).read_text(encoding="utf-8"))
                functions[file] = {
                    node.name for node in tree.body if isinstance(node, ast.FunctionDef)
                }
            assert name in functions[file], test
        # A test over many families must hold this one.
        names = " ".join(entry.tests)
        assert "agree_with_the_solver" not in names or entry.family in again | KERNELS
        assert "family_agrees_with_the_solver" not in names or entry.family in shared
        plane = (folder / "families" / "test_quadrature.py").read_text(encoding="utf-8")
        assert "plane_germ" not in names or f'"{entry.family}"' in plane or "one_column" in names


def test_every_family_has_evidence_and_unknown_ones_are_named() -> None:
    assert [len(evidence(name)) > 0 for name in FAMILIES] == [True] * len(FAMILIES)
    with pytest.raises(ValueError, match="no_such_family"):
        evidence("no_such_family")


def test_local_and_global_values_stand_in_their_columns() -> None:
    lines = {entry.family: entry.values() for entry in entries()}
    assert lines["deep_linear_at"] == ("2", "3/2", "1")
    assert lines["deep_linear_global"] == ("-", "7/2", "2")
    assert lines["minors"] == ("3/2", "-", "1")
    assert lines["nmf_bound"] == ("-", "[7/2, 4]", "unknown")


def test_committed_copies_are_up_to_date(tmp_path: Path) -> None:
    committed = Path(__file__).parents[3] / "results" / "theory" / "v1"
    for made in write(tmp_path / "new"):
        kept = (committed / made.name).read_text(encoding="utf-8")
        assert kept == made.read_text(encoding="utf-8"), (
            "make it again: llcbench theory catalogue --out results/theory/v1"
        )
    plain = json.loads((committed / "families.json").read_text(encoding="utf-8"))
    assert [line["family"] for line in plain] == sorted(FAMILIES)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(NotADirectoryError, match="below"):
        write(tmp_path / "file" / "below")
