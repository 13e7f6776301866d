"""The tests that confirm the coefficients of every family by a second route."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "again": "families/test_second_look.py",
        "agree": "families/test_solver_agreement.py",
        "basic": "families/test_elementary.py",
        "cold": "families/test_low_temperature.py",
        "deep": "families/test_deep_linear.py",
        "gauss": "tempered/test_gaussian.py",
        "ideal": "families/test_monomial_ideal.py",
        "net": "families/test_networks.py",
        "number": "families/test_second_look_numeric.py",
        "plane": "families/test_quadrature.py",
        "point": "families/test_linear_point.py",
        "polygon": "families/test_superposition.py",
        "rank": "families/test_reduced_rank.py",
        "stat": "families/test_statistical.py",
    }
)
# Tests that run over many families at once.
_SHARED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "kernel": "again:potentials_that_are_no_square_agree_with_the_solver",
        "other": "again:other_parameters_agree_with_the_solver",
        "plane": "plane:plane_germ",
        "solver": "agree:family_agrees_with_the_solver",
    }
)
# Words are shared tests or ``file:test``, in the order of strength.
_TESTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ade_squared": "plane solver other",
        "braid_squared": "net:braid_by_all_flats solver other",
        "circular_convolution": "net:circular_convolution_is_a_sum_over_frequencies solver other",
        "deep_linear_at": "point:every_rank_is_found_in_float64_float32_and_noise other",
        "deep_linear_generic": (
            "deep:local_examples point:generic_factors_have_the_generic_array other"
        ),
        "deep_linear_global": (
            "deep:closed_form_is_the_chain_program deep:closed_form_is_the_least_codimension "
            "number:closed_form_of_five_layers_by_listing_chains other"
        ),
        "deep_linear_local": (
            "deep:local_value_is_a_codimension_and_descent_agrees_with_listing "
            "deep:a_provisional_multiplicity_against_its_volume other"
        ),
        "diagonal_linear": "net:diagonal_networks_are_sums solver other",
        "diagonal_tied": "net:diagonal_networks_are_sums plane solver other",
        "gram_determinant": (
            "net:minors_of_size_one_are_regular_and_maximal_ones_are_the_gram_determinant "
            "solver other"
        ),
        "identifiable_cp": (
            "net:identifiable_cp_has_a_jacobian_of_full_rank number:cp_rank_at_random_factors other"
        ),
        "lda": "stat:lda_is_reduced_rank_less_one_direction_a_document solver other",
        "linear_convolution_common_roots": (
            "net:common_roots_volume_formula_agrees_where_the_value_is_exact "
            "net:common_roots_are_bounded_by_the_rank_of_the_jacobian solver other"
        ),
        "linear_convolution_zero": "net:linear_convolution plane solver other",
        "lines_squared": "cold:lines solver other",
        "minors": (
            "cold:minors cold:sum_of_squared_minors_is_symmetric_in_the_singular_values "
            "solver other"
        ),
        "mixture_common_variance": "stat:volume_of_the_common_variance_cumulants solver other",
        "mixture_one_known": "stat:known_components plane solver other",
        "monomial_ideal": (
            "ideal:random_ideals_agree_with_programming_and_enumeration plane solver other"
        ),
        "naive_bayes": (
            "cold:independent_features_and_variables "
            "stat:naive_bayes_and_factors_are_monomial solver other"
        ),
        "nmf_bound": (
            "stat:bounds_of_nmf_hold_for_positive_truths "
            "agree:identity_breaks_the_published_smaller_bound_of_nmf "
            "again:bounds_of_nmf_at_a_corner_of_the_orthant"
        ),
        "nmf_positive": "stat:bounds_of_nmf_hold_for_positive_truths solver",
        "nmf_zero": "stat:zero_factors_are_sums_and_monomials solver other",
        "norm_product": (
            "basic:norms_are_monomials_in_polar_coordinates ideal:products_of_norms kernel"
        ),
        "normal_crossing": "basic:monomials_against_the_poles_of_the_zeta_function kernel",
        "one_factor": (
            "cold:independent_features_and_variables "
            "stat:naive_bayes_and_factors_are_monomial solver other"
        ),
        "one_hidden_unit": "net:one_unit_layers solver other",
        "phase_retrieval": "net:phase_retrieval_is_one_column plane solver other",
        "quadratic_network": (
            "net:quadratic_network_off_the_origin_is_not_smaller plane solver other"
        ),
        "quartet_tree": (
            "stat:every_tree_with_independent_leaves "
            "number:random_trees_by_linear_programming other"
        ),
        "quasi_homogeneous": "kernel net:phase_retrieval_is_one_column plane",
        "rank_one_tensor": "net:tensors solver other",
        "rbm_one_hidden": "stat:boltzmann_probabilities_have_the_stated_ideal solver other",
        "reduced_rank_global": "rank:global_is_the_deep_formula_with_two_layers other",
        "reduced_rank_local": (
            "deep:two_layers_agree_with_reduced_rank_regression "
            "number:two_layers_by_the_codimension_of_all_strata_nearby other"
        ),
        "regular": "gauss:regular_limits kernel",
        "relu_identifiable": (
            "net:relu_derivatives_are_independent_up_to_scales number:relu_rank_at_random_teachers"
        ),
        "simplex_mixture": "stat:mixture_is_a_monomial_ideal_with_a_prior solver other",
        "softmax_linear": "net:softmax_is_the_centred_network solver other",
        "star_tree": (
            "stat:every_tree_with_independent_leaves "
            "stat:naive_bayes_and_factors_are_monomial other"
        ),
        "symmetric_factorisation": (
            "net:symmetric_factorisation_between_rank_and_codimension solver other"
        ),
        "tms_kgon": (
            "polygon:rank_of_the_hessian "
            "polygon:square_has_a_positive_leading_part_of_degree_two "
            "number:polygons_by_numerical_integration"
        ),
        "vandermonde": (
            "cold:vandermonde net:vandermonde_by_the_stationary_index "
            "number:vandermonde_by_the_other_published_formula plane solver other"
        ),
    }
)


def evidence(family: str) -> tuple[str, ...]:
    """Return the tests of a family as ``file::function``, files being below ``tests/theory``.

    Raises:
        ValueError: an unknown family.
    """
    if family not in _TESTS:
        raise ValueError(f"unknown family {family!r}; known: {', '.join(_TESTS)}")
    tests = []
    for word in _TESTS[family].split():
        file, _, name = _SHARED.get(word, word).partition(":")
        tests.append(f"{_FILES[file]}::test_{name}")
    return tuple(tests)
