"""Refined coefficients: checkpoints x parts of the weights x slices of the data."""
