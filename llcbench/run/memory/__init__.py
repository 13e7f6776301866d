"""How much memory a run needs, measured before it starts."""
