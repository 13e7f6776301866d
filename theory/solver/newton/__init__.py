"""Values and bounds that are read off Newton polyhedra under tested conditions."""
