"""Settings of short runs, as the sources of inner sessions spell them."""

SHORT = "nbeta=1e3, num_chains=32, num_draws=600, num_burnin=300, replicates=2"
FEW = "nbeta=1e3, num_chains=16, num_draws=100, num_burnin=1, replicates=2"
