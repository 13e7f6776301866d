"""Reduced-rank regression and deep linear networks."""
