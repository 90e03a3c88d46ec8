"""Names, addresses, TLS and bytes: the only floor that touches sockets and ssl."""
