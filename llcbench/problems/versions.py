"""Versions of densities: which problems are no longer what they were when older runs were made.

It imports nothing, so that tables of committed runs can show what is outdated without torch.
"""

# Version of every id that begins so; all others are at 1. A change of a density raises the number
# here, and `results/CORRECTIONS.md` says what has changed.
RAISED = {
    f"dln/{name}/": 2
    for name in ("1k", "10k", "100k", "1m", "10m", "100m")
}  # fmt: skip


def version_of(identifier: str) -> int:
    """Return the version of the density of a problem of this package, modifiers included.

    Args:
        identifier: An id such as ``dln/1k/s17/n100000``; whether there is such a problem is not
            examined.
    """
    return max((v for begin, v in RAISED.items() if identifier.startswith(begin)), default=1)
