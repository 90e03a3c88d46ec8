__version__ = "0.1.0"

RELEASED = "2026-11-01"
"""No computer runs this before that day, unless its clock is wrong; set with the version."""
