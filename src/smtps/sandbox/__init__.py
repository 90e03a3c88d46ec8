"""A real SMTPS server on loopback that keeps the mail and misbehaves on request."""
