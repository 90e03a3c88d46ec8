"""Who may do what: each guard a small part that decides; ``gate`` performs."""
