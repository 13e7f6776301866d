"""Torch modules as problems."""
