"""Hyperplane arrangements through the origin."""
