"""Sessions of pytest inside of a test."""

import sys

import pytest
from _pytest.pytester import SysModulesSnapshot

# The plugin of hypothesis is imported anew, and slowly, in every inner session.
ARGUMENTS = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")


@pytest.fixture
def run_tests(monkeypatch, request, tmp_path_factory):
    """Return a function that runs a source, with options and settings of an ini file."""
    # Of the modules that an inner session imports, pytester must forget the tests alone: torch
    # cannot be imported twice, and other tests hold classes of ours.
    base = str(tmp_path_factory.getbasetemp())

    def kept(name):
        return not str(getattr(sys.modules[name], "__file__", "")).startswith(base)

    monkeypatch.setattr(
        "_pytest.pytester.SysModulesSnapshot", lambda preserve: SysModulesSnapshot(preserve=kept)
    )
    pytester = request.getfixturevalue("pytester")

    def run(source, *options, **ini):
        if ini:
            lines = "\n".join(f"{name} = {value}" for name, value in ini.items())
            pytester.makeini(f"[pytest]\n{lines}")
        pytester.makepyfile(source)
        return pytester.runpytest_inprocess(*ARGUMENTS, *options)

    return run
