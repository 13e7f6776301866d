"""The target, the loop over chains, and statistics of their traces."""
