"""One module a peer: ``prepare(work)`` returns a function from a seed to the losses of a run."""
