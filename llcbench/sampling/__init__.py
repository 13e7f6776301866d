"""The target, the loop over chains, and what is read off their traces."""
