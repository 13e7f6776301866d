"""Problems made from others: sums, changes of coordinates, paddings."""
