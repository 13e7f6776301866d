"""Germs in two variables, completely, by toric resolution over real number fields."""
