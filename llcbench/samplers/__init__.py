"""Transition kernels, one file each."""
