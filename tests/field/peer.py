"""Runs one of the tests' real servers where it is called, until it is told to stop.

``python -m tests.field.peer KIND DIRECTORY CERTIFICATE KEY ROOTS`` writes its ports, account and
an address that it refuses to ``peer.json`` in the directory.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from tests.peers.exim import Exim
from tests.peers.node_servers import Haraka, Nodemailer
from tests.peers.sendmail import Sendmail
from tests.peers.server import Server

KINDS: dict[str, type[Server]] = {
    "exim": Exim, "sendmail": Sendmail, "haraka": Haraka, "nodemailer": Nodemailer,
}  # fmt: skip


def main() -> None:
    kind, directory, certificate, key, roots = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    place = Path(directory)
    server = KINDS[kind](place / "peer")
    for source, target in (
        (certificate, server.cert_file), (key, server.key_file), (roots, server.ca_file)
    ):  # fmt: skip
        target.write_bytes(Path(source).read_bytes())
    with server:
        known = {"implicit": server.tls_port, "starttls": server.starttls_port,
                 "refused": server.refused(1)}  # fmt: skip
        written = place / "peer.json.new"
        written.write_text(json.dumps(known))
        written.rename(place / "peer.json")
        signal.pause()


if __name__ == "__main__":
    main()
