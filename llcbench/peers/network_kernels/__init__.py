"""One module a peer for networks: ``prepare(work)`` returns a function from a seed to losses."""
