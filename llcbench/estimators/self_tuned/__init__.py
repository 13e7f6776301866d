"""The estimate that chooses sampler, steps and lengths itself, by measurement inside its budget."""
