"""Experiments on training heuristics: which way complexity moves with them, with intervals."""
