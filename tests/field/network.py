"""A test network of two namespaces: here, where the client is, and there, where the servers are.

Nothing in it reaches the machine's own network, so it can have any address and any port. The
addresses are ordinary public ones, since private and reserved ones are a finding of their own.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from itertools import count
from os import geteuid, getpid, kill
from pathlib import Path
from signal import SIGKILL
from typing import Self

CLIENT, CLIENT6 = "77.4.5.2", "2a09:7:5::2"
GATEWAY, GATEWAY6 = "77.4.5.1", "2a09:7:5::1"
NEIGHBOUR = "77.4.5.99"
"""On the client's own wire, where no machine has it."""
NAME_SERVER = "141.2.3.53"
MAIL, MAIL6 = "141.2.3.10", "2a09:7:6::10"
OTHER, OTHER6 = "141.2.3.11", "2a09:7:6::11"
THIRD = "141.2.3.12"
PRIVATE = "192.168.77.10"

_numbers = count()


def namespaces_can_be_made() -> str | None:
    """None, or why no network namespace can be made here."""
    if geteuid() != 0:
        return "network namespaces are made by root"
    for program in ("ip", "nft"):
        if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            return f"{program} is missing: install iproute2 and nftables"
    probe = f"probe{getpid()}"
    made = subprocess.run(
        ["ip", "netns", "add", probe], check=False, capture_output=True, text=True
    )
    if made.returncode:
        return f"this machine makes no network namespaces: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", probe], check=True)
    return None


def sweep() -> None:
    """Remove what a run left behind that was killed: its processes and its namespaces."""
    for path in Path("/run/netns").glob("*here*-*"):
        owner = path.name.removeprefix("there").removeprefix("here").partition("-")[0]
        if not owner.isdigit() or Path(f"/proc/{owner}").exists():
            continue
        found = subprocess.run(["ip", "netns", "pids", path.name], capture_output=True, check=False)
        for pid in found.stdout.split():
            with suppress(ProcessLookupError):
                kill(int(pid), SIGKILL)
        _remove(path.name)


def _remove(namespace: str) -> None:
    subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
    shutil.rmtree(Path("/etc/netns") / namespace, ignore_errors=True)


class Network:
    """Two joined namespaces, as long as the context is entered.

    Args:
        ipv6: whether the client has IPv6.
        routed: whether the client has a way to other networks.
    """

    def __init__(self, *, ipv6: bool = True, routed: bool = True) -> None:
        number = f"{getpid()}-{next(_numbers)}"
        self.here, self.there = f"here{number}", f"there{number}"
        self._ipv6, self._routed = ipv6, routed

    def __enter__(self) -> Self:
        for name in (self.here, self.there):
            _run(["ip", "netns", "add", name])
        try:
            self._join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in (self.here, self.there):
            _remove(name)

    def _join(self) -> None:
        etc = Path("/etc/netns") / self.here
        etc.mkdir(parents=True)
        (etc / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
        etc = Path("/etc/netns") / self.there
        etc.mkdir(parents=True)
        (etc / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
        _batch(
            self.there,
            f"link add wire type veth peer name wire netns {self.here}",
            "link set lo up",
            "link set wire up",
            f"addr add {GATEWAY}/24 dev wire",
            f"addr add {GATEWAY6}/64 dev wire nodad",
            *(f"addr add {each}/32 dev lo" for each in (NAME_SERVER, MAIL, OTHER, THIRD, PRIVATE)),
            *(f"addr add {each}/128 dev lo nodad" for each in (MAIL6, OTHER6)),
        )
        self._anybody_takes_low_ports()
        v6 = [f"addr add {CLIENT6}/64 dev wire nodad", f"-6 route add default via {GATEWAY6}"]
        _batch(
            self.here,
            "link set lo up",
            "link set wire up",
            f"addr add {CLIENT}/24 dev wire",
            *([f"route add default via {GATEWAY}"] if self._routed else []),
            *(v6 if self._ipv6 else []),
        )
        if not self._ipv6:
            self.run_here(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])

    def _anybody_takes_low_ports(self) -> None:
        """Some servers give root up before they listen."""
        setting = "net.ipv4.ip_unprivileged_port_start=0"
        _run(["ip", "netns", "exec", self.there, "sysctl", "-qw", setting])

    def rules(self, *rules: str, hook: str = "input", side: str = "") -> None:
        """Filter what comes in (or goes out) there, or on the side given, by nftables rules."""
        text = "\n".join((f"type filter hook {hook} priority 0", *rules))
        table = f"table inet {hook} {{\nchain c {{\n{text}\n}}\n}}\n"
        _run(["ip", "netns", "exec", side or self.there, "nft", "-f", "-"], table)

    def redirect(self, *rules: str) -> None:
        """Lead connections elsewhere before they arrive, by nftables rules."""
        text = "\n".join(("type nat hook prerouting priority -100", *rules))
        table = f"table ip elsewhere {{\nchain c {{\n{text}\n}}\n}}\n"
        _run(["ip", "netns", "exec", self.there, "nft", "-f", "-"], table)

    def run_here(self, command: list[str]) -> None:
        _run(["ip", "netns", "exec", self.here, *command])

    def file_here(self, name: str, text: str) -> None:
        """A file of /etc, as the client sees it."""
        (Path("/etc/netns") / self.here / name).write_text(text)


def _batch(namespace: str, *lines: str) -> None:
    """Several commands of ip at once; those for one family have it in front."""
    v4 = [line for line in lines if not line.startswith("-6 ")]
    v6 = [line.removeprefix("-6 ") for line in lines if line.startswith("-6 ")]
    _run(["ip", "-n", namespace, "-batch", "-"], "\n".join(v4) + "\n")
    if v6:
        _run(["ip", "-n", namespace, "-6", "-batch", "-"], "\n".join(v6) + "\n")


def _run(command: list[str], text: str = "") -> None:
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}\n{text}")
