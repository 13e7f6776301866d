"""Polynomials and germs with rational coefficients, and their text."""
