"""Whether a configuration would start, found out without starting anything."""
