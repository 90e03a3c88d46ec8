"""The service under every attack at once, and honest callers beside them."""
