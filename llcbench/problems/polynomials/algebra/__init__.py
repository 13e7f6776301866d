"""Makers of the polynomial problems ``alg/*``, one module for each kind of model."""
