"""Time and size of the site of all committed results.

Run with ``pytest tests/benchmarks/test_report.py --benchmark-only -s``; it takes half a minute.
"""

from pathlib import Path
from typing import Any

from llcbench.report.site import read_sources, write_site

RESULTS = Path(__file__).parents[2] / "results"
STORES = (
    "accuracy.jsonl.gz", "peers.jsonl.gz", "exact.jsonl.gz", "sensitivity.jsonl.gz",
    "dln-scale.jsonl.gz", "smoke.jsonl",
)  # fmt: skip
# Megabytes; what is sent by mail.
MOST = 20


def test_site(benchmark: Any, tmp_path: Path) -> None:
    paths = [RESULTS / "reference" / "v1" / name for name in STORES]

    def build() -> Path:
        return write_site(read_sources(paths), tmp_path, RESULTS / "figures" / "v1")

    first = benchmark.pedantic(build, rounds=1)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) / 1e6
    benchmark.extra_info["megabytes"] = round(size, 1)
    print(f"\nsite of all committed results: {benchmark.stats.stats.min:.1f} s, {size:.1f} MB")
    assert first.is_file()
    assert size < MOST
