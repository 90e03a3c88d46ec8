"""Mail that is accepted now and delivered later, and is not lost in between."""
