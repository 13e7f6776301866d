"""Germs in any number of variables: states, moves between them, and their proofs."""
