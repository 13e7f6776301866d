"""Quantiles and intervals of means and shares; scipy is imported on first use."""

from functools import cache


def student_quantile(level: float, freedom: float) -> float:
    """Return the two-sided quantile of Student's t: half a central interval of a level.

    Args:
        level: Share inside, such as 0.9.
        freedom: Degrees of freedom, which need not be whole.
    """
    # scipy.stats has the same quantiles and takes a second to import.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def normal_quantile(level: float) -> float:
    """Return the two-sided quantile of the normal distribution."""
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


@cache
def chain_quantile(level: float, chains: int) -> float:
    """Return the two-sided quantile that goes with `llcbench.sampling.diagnostics.standard_error`.

    Student's t for four chains or more, where the error is their spread. Normal below that, where
    the degrees of freedom are those of the draws: `run_quantile` has them.
    """
    return student_quantile(level, chains - 1) if chains >= 4 else normal_quantile(level)


def run_quantile(chains: int, interval: tuple[float, float] | None, stderr: float | None) -> float:
    """Return the two-sided 90 % quantile that goes with the error of a run.

    `chain_quantile` for four chains or more; below, what the run itself took: half of its interval
    over its error.
    """
    if chains >= 4 or interval is None or not stderr:
        return chain_quantile(0.9, chains)
    return (interval[1] - interval[0]) / 2 / stderr


def run_freedom(
    chains: int, interval: tuple[float, float] | None, stderr: float | None
) -> float | None:
    """Return the degrees of freedom of Student's t that go with the error of a run.

    One less than the chains from four on; below, those of `run_quantile`. None for a run of fewer
    chains without an interval, whose error is that of nothing.
    """
    if chains >= 4:
        return chains - 1.0
    if interval is None or not stderr:
        return None
    from scipy.special import stdtridf

    return float(stdtridf(0.95, run_quantile(chains, interval, stderr)))


def wilson(share: float, trials: float, level: float = 0.9) -> tuple[float, float]:
    """Return the interval of a share by inversion of the score test.

    The ends are the roots ``x`` of ``(share - x)^2 = z^2 x (1 - x) / trials``, within 0 and 1.

    Args:
        share: Hits over trials.
        trials: Number of trials; a fraction for dependent ones that are worth fewer, which is why
            ``scipy.stats.binomtest`` does not serve. 0 gives the whole range.
        level: Confidence.

    Source: Wilson 1927.
    """
    if not trials:
        return 0.0, 1.0
    # Six decimals, as in printed tables: more of them move marks of committed drawings.
    z, n, p = round(normal_quantile(level), 6), trials, share
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def clopper_pearson(hits: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return an interval that covers a share with at least the stated probability.

    Uses quantiles of the beta distribution, which take a millionth of the time of importing
    ``scipy.stats.binomtest``.

    Source: Clopper and Pearson 1934.
    """
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = float(betaincinv(hits, trials - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - tail)) if hits < trials else 1.0
    return low, high
