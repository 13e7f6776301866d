"""Verifies certificates; imports nothing of the solver that wrote them."""
