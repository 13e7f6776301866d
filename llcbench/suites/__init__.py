"""Suites: which problems, samplers and settings are run together, as TOML files."""
