"""Exact learning coefficients of polynomial germs, with proofs that can be checked."""
