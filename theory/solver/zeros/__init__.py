"""Decides whether a polynomial system has a real solution off some hypersurfaces."""
