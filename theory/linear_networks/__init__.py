"""Linear networks: exact Gibbs kernels, fibres, ranks, whitened inputs, effective dimension."""
