"""Problems with exact coefficients: families, their data and combinators."""
