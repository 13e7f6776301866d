"""Measures of a trained network that stand beside its local learning coefficient."""
