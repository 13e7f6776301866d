"""Anybody's torch module as a problem."""
