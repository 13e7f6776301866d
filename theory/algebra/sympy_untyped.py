"""The untyped computer algebra system, behind two names without types."""

from importlib import import_module
from typing import Any

SYMPY: Any = import_module("sympy")
dup_factor_list: Any = import_module("sympy.polys.factortools").dup_factor_list
