"""A session with one server: connect, log in, send, quit."""
