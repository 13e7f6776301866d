"""The report of one store."""

from pathlib import Path

from llcbench.report.site.build import write_site
from llcbench.report.site.sources import source_of
from llcbench.run.store import RunStore


def write_page(store: RunStore, out: Path) -> Path:
    """Write the site of one store and return its first page.

    Args:
        store: Runs to report on; it is only read.
        out: Folder to write to; it is made if necessary.

    Raises:
        ValueError: If the store holds no readable run.
    """
    return write_site([source_of(store)], out)
