"""Other people's packages behind our interfaces; none of them is needed, none is imported early."""
