"""Hyper-parameters from short runs, without a look at the truth."""
