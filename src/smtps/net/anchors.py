"""Certificates in this computer's files: the authorities that it trusts, and the client's own."""

from __future__ import annotations

import base64
import re
import ssl
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from smtps.options import Endpoint


def client_certificate(endpoint: Endpoint) -> bytes | None:
    """What an endpoint shows to the server: the first certificate of its file, DER."""
    files = endpoint.client_certificate
    if files is None:
        return None
    file = files[0] if isinstance(files, tuple) else files
    return next(iter(_pem_files(_stamps([Path(file)]))), None)


def anchors(endpoint: Endpoint) -> tuple[bytes, ...]:
    """The authorities that an endpoint trusts, DER: those of its file, or else the system's.

    OpenSSL reads a directory of them only as it needs them, so the context alone cannot tell. What
    cannot be read is left out: this serves to explain, and OpenSSL has judged.
    """
    if endpoint.ca_file is not None:
        return _pem_files(_stamps([Path(endpoint.ca_file)]))
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile is not None else []
    if paths.capath is not None:
        files += sorted(Path(paths.capath).iterdir())
    if found := _pem_files(_stamps(files)):
        return found
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()  # where the system keeps them in no file
    return tuple(context.get_ca_certs(binary_form=True))


def _stamps(files: list[Path]) -> tuple[tuple[str, int], ...]:
    found = {}
    for file in files:
        with suppress(OSError):
            found[str(file)] = file.stat().st_mtime_ns
    return tuple(found.items())


_PEM = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+?"
    r"-----END (?:X509 |TRUSTED )?CERTIFICATE-----"
)


@lru_cache(maxsize=16)
def _pem_files(stamped: tuple[tuple[str, int], ...]) -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    for name, _ in stamped:
        with suppress(OSError):
            for block in _PEM.findall(Path(name).read_text("latin-1")):
                with suppress(ValueError):
                    found[base64.b64decode("".join(block.split("-----")[2].split()))] = None
    return tuple(found)
