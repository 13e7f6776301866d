"""Nonnegative and stochastic matrix factorisation."""

from fractions import Fraction

from theory.checks import integer
from theory.coefficient import RLCT, Step, known
from theory.combine import equivalent
from theory.families.reduced_rank import reduced_rank_global

_BOUND = "hayashi2017, main theorem"


def lda(words: int, documents: int, topics: int, rank: int) -> RLCT:
    """Return the least coefficient of latent Dirichlet allocation.

    Formula: ``lambda = (M-1)/2 + RRR(M-1, N-1 | H-1; r-1)`` with M words, N documents, H topics, r
    the rank of the true matrix of word probabilities, and RRR the least coefficient of reduced-rank
    regression, whose m it has. One column of the product is M-1 regular coordinates; the
    differences of the topics times the differences of the documents are a free product.

    Args:
        words: M, at least 2.
        documents: N, at least 2.
        topics: H, at least 2.
        rank: r, between 1 and min(words, documents, topics).

    Raises:
        ValueError: an inadmissible number.

    Source: hayashi2021; aoyagi2005.
    """
    m_ = integer("words", words, 2)
    n = integer("documents", documents, 2)
    h = integer("topics", topics, 2)
    r = integer("rank", rank, 1, min(m_, n, h))
    core = reduced_rank_global(m_ - 1, h - 1, n - 1, r - 1)
    value = Fraction(m_ - 1, 2) + core.value
    return known(
        value,
        core.multiplicity or 1,
        "global",
        method="closed form",
        source="hayashi2021, main theorem",
        conditions="minimum over all true parameters; the truth has a factorisation into positive"
        f" probabilities of which both factors have rank {r}; priors positive and continuous"
        " inside the simplices",
        proof=(
            Step("one document", f"{m_ - 1} regular coordinates", "hayashi2021"),
            Step("differences", f"reduced rank {core}", "aoyagi2005", core.proof),
        ),
    )


def nmf_bound(rows: int, columns: int, inner: int, true_inner: int) -> RLCT:
    """Return bounds of the least coefficient of nonnegative matrix factorisation.

    Formula: ``lambda <= [(H - H0) min(M, N) + H0 (M + N - 1)]/2`` with H0 the nonnegative rank of
    the truth: the H0 true terms are regular up to their scales, and each redundant term is
    ``|x|^2 |y|^2``. Lower bound: the least coefficient of reduced-rank regression over the ranks
    that the truth can have, because the constraint only removes volume. For H0 = 0 the value is
    exact, see ``nmf_zero``.

    A smaller published bound, with ``H0 (M + N - 2) + (H0 mod 2)``, needs true factors that can be
    mixed, as strictly positive ones can. It fails for the 2 x 2 identity with H = H0 = 2, where the
    off-diagonal entries of both factors are forced to zero and lambda is 3, not at most 2.

    Args:
        rows: M, at least 1.
        columns: N, at least 1.
        inner: H, inner dimension of the model, at least 1.
        true_inner: H0, the nonnegative rank of the truth, between 0 and min(M, N, H).

    Raises:
        ValueError: an inadmissible number.

    Source: hayashi2017 (upper bound); aoyagi2005 (lower bound).
    """
    m_, n, h = _sizes(rows, columns, inner)
    h0 = integer("true_inner", true_inner, 0, min(m_, n, h))
    if h0 == 0:
        return nmf_zero(m_, n, h)
    # A matrix of rank at most two has nonnegative rank equal to its rank.
    ranks = range(min(h0, 3), h0 + 1)
    parts = [reduced_rank_global(m_, h, n, r) for r in ranks]
    lower = min(part.value for part in parts)
    upper = Fraction((h - h0) * min(m_, n) + h0 * (m_ + n - 1), 2)
    # Equal bounds: the volume has no logarithm below, and none above if none of the parts has one.
    sure = lower == upper and all(part.multiplicity == 1 for part in parts)
    return RLCT(
        lower=lower,
        upper=upper,
        multiplicity=1 if sure else None,
        scope="global",
        method="volume bounds",
        source=_BOUND,
        conditions=f"minimum over all nonnegative true factors; {m_} x {n} truth of nonnegative"
        f" rank {h0}, inner dimension {h}; certified bounds",
        proof=(
            Step("upper bound", f"{h0} terms up to scales, {h - h0} redundant: {upper}", _BOUND),
            Step("lower bound", f"without the signs, ranks {list(ranks)}: {lower}", "aoyagi2005"),
        ),
    )


def nmf_zero(rows: int, columns: int, inner: int) -> RLCT:
    """Return the least coefficient of nonnegative matrix factorisation when the truth is zero.

    Formula: ``lambda = H min(M, N)/2``, ``m = 1 + H [M = N]``. Nonnegative terms cannot cancel, so
    ``K ~ sum_k |x_k|^2 |y_k|^2``, a sum in disjoint variables.

    Args:
        rows: M, at least 1.
        columns: N, at least 1.
        inner: H, at least 1.

    Raises:
        ValueError: a size is not a positive integer.

    Source: hayashi2017 (zero truth); the sum rule is the proof.
    """
    m_, n, h = _sizes(rows, columns, inner)
    value = Fraction(h * min(m_, n), 2)
    return known(
        value,
        1 + (h if m_ == n else 0),
        "global",
        method="sum rule",
        source=_BOUND,
        conditions="minimum over all nonnegative true factors, attained at zero; zero truth, flat"
        " prior near zero",
        proof=(
            Step("no cancellation", "all entries are nonnegative", _BOUND),
            Step("sum rule", f"{h} terms |x|^2 |y|^2, ratios {m_}/2 and {n}/2", "watanabe2009"),
        ),
    )


def nmf_positive(rows: int, columns: int, inner: int, rank: int) -> RLCT:
    """Return the least coefficient of NMF when the truth has strictly positive factors of its rank.

    Formula: that of reduced-rank regression (value and m). Splitting a column of the positive
    factors gives an interior point where both factors have rank r, which is where reduced-rank
    regression is least; elsewhere the constraint only removes volume.

    Args:
        rows: M, at least 1.
        columns: N, at least 1.
        inner: H, inner dimension of the model, at least 1.
        rank: r, rank of the truth, which has strictly positive factors with inner dimension r;
            between 1 and min(M, N, H).

    Raises:
        ValueError: an inadmissible number.

    Source: aoyagi2005, main theorem.
    """
    m_, n, h = _sizes(rows, columns, inner)
    r = integer("rank", rank, 1, min(m_, n, h))
    return equivalent(
        reduced_rank_global(m_, h, n, r),
        f"the truth has strictly positive factors with inner dimension {r}: a balanced point of"
        " reduced-rank regression lies inside the orthant",
    )


def _sizes(rows: int, columns: int, inner: int) -> tuple[int, int, int]:
    """Return the three sizes as positive integers."""
    return integer("rows", rows, 1), integer("columns", columns, 1), integer("inner", inner, 1)
