"""Exact stationary distributions of discretised samplers on quadratics."""
