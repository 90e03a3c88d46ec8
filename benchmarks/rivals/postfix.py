"""Postfix as the outbox: takes mail by SMTP into its own queue, and relays it through TLS.

Its own instance on loopback, in a folder of its own. While it takes mail in, no queue manager runs,
so that accepting and relaying are measured one after the other, as for ours.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.service import free_port, wait_for

MAIN = """\
compatibility_level = 3.6
queue_directory = {run}/queue
data_directory = {run}/data
maillog_file = {run}/log
maillog_file_prefixes = {run}
myhostname = relay.bench.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1
mydestination =
alias_maps =
alias_database =
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{sink}
smtp_tls_wrappermode = yes
smtp_tls_security_level = encrypt
smtp_tls_CAfile = {ca}
smtp_tls_connection_reuse = yes
smtp_tls_loglevel = 0
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME
  LD_PRELOAD SLOW_US
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n -     0 cleanup
tlsmgr    unix  - - n 1000? 1 tlsmgr
tlsproxy  unix  - - n -     0 tlsproxy
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
smtp      unix  - - n -     - smtp
relay     unix  - - n -     - smtp
scache    unix  - - n -     1 scache
anvil     unix  - - n -     1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""
QMGR = "qmgr      unix  n - n 300   1 qmgr\n"


class Postfix:
    """A running instance.

    Attributes:
        port: takes mail without TLS.
    """

    def __init__(self, run: Path, port: int) -> None:
        self.port, self._run = port, run

    def accept(self, messages: int, callers: int, octets: int) -> float:
        """Messages a second from smtp-source, whose sessions are kept."""
        start = time.perf_counter()
        subprocess.run(
            ["/usr/sbin/smtp-source", "-d", "-s", str(callers), "-m", str(messages),
             "-l", str(octets), "-f", "ann@bench.test", "-t", "bob@bench.test",
             f"127.0.0.1:{self.port}"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return messages / (time.perf_counter() - start)

    def relay(self) -> None:
        """Begin to send what is in the queue."""
        with (self._run / "postfix" / "master.cf").open("a") as file:
            file.write(QMGR)
        self.reload()

    def reload(self) -> None:
        """Read the configuration again."""
        subprocess.run(["/usr/sbin/postfix", "-c", str(self._run / "postfix"), "reload"],
                       check=False, capture_output=True)  # fmt: skip

    def log(self) -> str:
        """The end of its log."""
        return (self._run / "log").read_text(errors="replace")[-2000:]


@contextmanager
def postfix(sink: int, authority: Path, more: Mapping[str, str]) -> Iterator[Postfix]:
    """For the length of a block.

    Args:
        sink: port of the server that it relays to.
        authority: of the certificate there.
        more: environment.
    """
    run = Path(tempfile.mkdtemp(prefix="postfix-", dir="/tmp"))  # short, for sockets
    run.chmod(0o755)
    for name in ("postfix", "queue", "data"):
        (run / name).mkdir()
    shutil.chown(run / "data", "postfix")
    port = free_port()
    values = {"run": run, "sink": sink, "ca": authority, "port": port}
    for name, text in (("main.cf", MAIN), ("master.cf", MASTER)):
        (run / "postfix" / name).write_text(text.format_map(values))
        os.utime(run / "postfix" / name, (0, 0))  # it sleeps before it trusts a fresh file
    check = ["/usr/sbin/postfix", "-c", str(run / "postfix"), "check"]  # makes the queue
    subprocess.run(check, check=False, capture_output=True)
    master = subprocess.Popen(
        ["/usr/lib/postfix/sbin/master", "-c", str(run / "postfix")],
        env=os.environ | dict(more) | {"POSTLOG_SERVICE": f"{run}/queue/public/postlog",
                                       "POSTLOG_HOSTNAME": "relay"},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(port)
        yield Postfix(run, port)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(master.pid, signal.SIGTERM)
        time.sleep(0.5)
        with suppress(ProcessLookupError):
            os.killpg(master.pid, signal.SIGKILL)
        master.wait()
        shutil.rmtree(run, ignore_errors=True)
