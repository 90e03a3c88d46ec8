"""Whether mail submission over TLS works at a server, and why not: facts, then judgement."""
