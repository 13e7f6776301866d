"""Exact arithmetic that solver and checker build on: rings, roots, ideals, polyhedra."""
