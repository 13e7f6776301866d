"""Training of networks with the heuristics whose effect on complexity is studied."""
