"""A message: what its author means, and the bytes that it is."""
