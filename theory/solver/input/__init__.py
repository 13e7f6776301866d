"""From what a user gives to germs: text, SymPy, structure, signs, squares."""
