"""What every sampler must do, as checks; `llcbench.testing` is the way in."""
