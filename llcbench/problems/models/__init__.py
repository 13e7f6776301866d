"""Makers of the statistical problems ``model/*``, one module for each group of families."""
