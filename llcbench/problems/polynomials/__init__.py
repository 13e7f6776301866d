"""Polynomial potentials with exact coefficients."""
