"""Losses of regression: evaluation, minibatches, streams of data, label noise."""
