import gc
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

# Test folders are no packages: what several tests share is a module beside them.
SHARED = (path for path in Path(__file__).parent.rglob("*.py") if path.stem != "conftest")
sys.path += sorted({str(path.parent) for path in SHARED if not path.stem.startswith("test_")})

# What is imported and collected lives until the end: looking through all of it again and again for
# garbage takes a few percent of the time.
gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


# Files with tests of half a minute. They begin at once: at the end, others would wait for them.
FIRST = ["test_docs", "test_failed_runs", "test_dask", "test_third_party", "test_submitit"]
FIRST += ["test_readme", "test_executors", "test_processes"]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem not in FIRST)


@pytest.fixture(autouse=True)
def same_weights_in_any_order():
    """Seed torch's own generator, which new layers draw from, whatever ran before."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(20)  # not 0: a wrong sampler seeds with that
