"""The network between client and server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.field.lab import HOST, Lab
from tests.field.network import MAIL, MAIL6, NEIGHBOUR, OTHER
from tests.field.servers import IMPLICIT, STARTTLS, members, postfix, sink, stunnel, tls_front
from tests.field.situation import HEALTHY, Situation

_case = partial(Situation, group="network")


def _rule(*rules: str, hook: str = "input") -> Callable[[Lab], None]:
    """A good server behind firewall rules."""

    def build(lab: Lab) -> None:
        tls_front(lab, lab.certificate())
        lab.network.rules(*rules, hook=hook)

    return build


def _own_firewall(lab: Lab) -> None:
    tls_front(lab, lab.certificate())
    lab.network.rules("tcp dport 465 drop", hook="output", side=lab.network.here)


def _own_reject(lab: Lab) -> None:
    tls_front(lab, lab.certificate())
    lab.network.rules("tcp dport 465 reject with icmpx type admin-prohibited", hook="output",
                      side=lab.network.here)  # fmt: skip


def _black_hole(lab: Lab) -> None:
    """Large packets vanish on the way to the client; the chain is larger than one."""
    root = lab.trust
    files = lab.certificate(behind=(root.issuer, root.policy, root.deep, root.root), key="rsa")
    tls_front(lab, files)
    lab.network.rules("tcp sport 465 meta length > 1300 drop", hook="output")


def _provider_port_blocked(lab: Lab) -> None:
    """A provider's network that drops mail ports to everywhere."""
    lab.zone["smtp.gmail.com"] = {"A": [OTHER]}
    tls_front(lab, lab.certificate())
    lab.network.rules("tcp dport { 25, 465, 587 } drop")


def _control_answers(lab: Lab) -> None:
    lab.zone["smtp.gmail.com"] = {"A": [OTHER]}
    sink(lab, 10025)
    stunnel(lab, lab.certificate("smtp.gmail.com"), 465, "127.0.0.1:10025", address=OTHER)
    lab.network.rules(f"ip daddr {MAIL} tcp dport 465 drop")


def _on_the_wire(lab: Lab) -> None:
    lab.zone[HOST] = {"A": [NEIGHBOUR]}


def _slow(lab: Lab, delay: str) -> None:
    sink(lab, 10025)
    stunnel(lab, lab.certificate(), 4650, "127.0.0.1:10025", address="127.0.0.1")
    lab.device("slow", 465, "--delay", delay, "--to", "127.0.0.1:4650")


def _loopback_only(lab: Lab) -> None:
    """Postfix as Debian's "local only" configures it."""
    postfix(lab, lab.certificate(), {465: IMPLICIT}, main={"inet_interfaces": "loopback-only"})


def _other_port_open(lab: Lab) -> None:
    members(lab, lab.certificate(), {587: STARTTLS})
    lab.network.rules("tcp dport 465 drop")


def _ipv6(lab: Lab) -> None:
    sink(lab, 10025)
    stunnel(lab, lab.certificate(), 465, "127.0.0.1:10025", address="::")


def _cut(lab: Lab, after: str) -> None:
    """An intrusion filter that resets what it does not like, in the middle."""
    sink(lab, 10025)
    stunnel(lab, lab.certificate(), 4650, "127.0.0.1:10025", address="127.0.0.1")
    lab.device("cut", 465, "--after", after, "--to", "127.0.0.1:4650")


SITUATIONS = (
    _case(name="closed-port", what="a machine without a server on the port",
          expert="nothing listens there", build=lambda _: None,
          causes=("net.refused",), fix=("port|587|listen|running",)),
    _case(name="local-only-postfix", what="Postfix that listens on loopback only",
          expert="nothing listens there: the server listens elsewhere",
          build=_loopback_only, causes=("net.refused",), fix=("listen|port|running|587",)),
    _case(name="dropped", what="a firewall that drops",
          expert="no answer: a firewall, or a wrong address", build=_rule("tcp dport 465 drop"),
          causes=("net.timeout",), fix=("firewall|network|port",)),
    _case(name="rejected-by-reset", what="a firewall that answers with a reset",
          expert="refused: no server, or a firewall that says so",
          build=_rule("tcp dport 465 reject with tcp reset"), causes=("net.refused",)),
    _case(name="rejected-port-unreachable", what="a firewall that answers port-unreachable",
          expert="refused: a firewall, or no server",
          build=_rule("tcp dport 465 reject with icmp type port-unreachable"),
          causes=("net.refused", "net.rejected", "net.prohibited")),
    _case(name="rejected-host-prohibited",
          what="a firewall that answers host-prohibited, as RHEL's",
          expert="a firewall in the way says no",
          build=_rule("tcp dport 465 reject with icmp type host-prohibited"),
          causes=("net.host_unreachable", "net.prohibited", "net.rejected", "net.unreachable"),
          told="firewall", fix=("firewall",), never=("IPv6",)),
    _case(name="rejected-admin-prohibited", what="a router that answers admin-prohibited",
          expert="a firewall or filter in the way says no",
          build=_rule("tcp dport 465 reject with icmp type admin-prohibited"),
          causes=("net.host_unreachable", "net.prohibited", "net.rejected", "net.unreachable"),
          told="firewall", fix=("firewall",), never=("IPv6",)),
    _case(name="rejected-no-route", what="a router that answers no route",
          expert="a router in the way knows no way there",
          build=_rule("tcp dport 465 reject with icmp type net-unreachable"),
          causes=("net.unreachable", "net.host_unreachable"), told="route|network", never=("IPv6",
          )),
    _case(name="machine-is-off", what="an address on the own network that no machine has",
          expert="no machine has this address: switched off, or a wrong address",
          build=_on_the_wire,
          causes=("net.host_unreachable", "net.prohibited", "net.unreachable", "net.rejected"),
          told="off|no machine|nobody|not (there|running|up)|down|address", never=("no IPv6",)),
    _case(name="no-default-route", what="a client without a way to other networks",
          expert="this machine has no network connection",
          build=lambda lab: tls_front(lab, lab.certificate()),
          target=MAIL, network={"routed": False, "ipv6": False}, verdicts=("fails", "unknown"),
          causes=("net.unreachable", "net.no_route"), told="route|network",
          also=("dns.lookup_failed",), fix=("network|connection|route",)),
    _case(name="own-firewall-drops", what="a firewall on the client's own machine",
          expert="this machine's own firewall forbids it (or packets vanish)",
          build=_own_firewall, verdicts=("fails", "unknown"),
          causes=("net.blocked_here", "net.timeout"), fix=("firewall",)),
    _case(name="own-firewall-rejects", what="a firewall on the client's own machine that says so",
          expert="a firewall says no, perhaps this machine's own",
          build=_own_reject, verdicts=("fails", "unknown"),
          causes=("net.blocked_here", "net.host_unreachable", "net.prohibited", "net.rejected",
                  "net.unreachable"),
          told="firewall", fix=("firewall",), never=("IPv6",)),
    _case(name="port-blocked-here", what="a network that drops 25, 465 and 587 to everywhere; with "
          "--control", expert="this network blocks the port", build=_provider_port_blocked,
          options=("--control", "smtp.gmail.com"), verdicts=("fails", "unknown"),
          causes=("net.port_blocked_here",), told="network", fix=("network|provider|2525|VPN",)),
    _case(name="control-answers", what="a server that is silent while another answers; with "
          "--control", expert="the server or its firewall is silent, this network is not at fault",
          build=_control_answers, options=("--control", "smtp.gmail.com"),
          causes=("net.dropped_there",), fix=("firewall|server|operator|address",),
          never=("your own network",)),
    _case(name="mtu-black-hole", what="a way on which packets above 1,300 octets vanish",
          expert="large packets vanish: path MTU; the handshake hangs after the ClientHello",
          build=_black_hole,
          causes=("net.mtu_black_hole", "net.path_mtu", "net.mtu", "tls.timeout",
                  "net.large_packets_lost"),
          told="MTU|large packets", fix=("MTU|MSS",), never=("without TLS",)),
    _case(name="slow-way", what="a way on which everything takes 0.8 s", expert="it works, slowly",
          build=partial(_slow, delay="0.8"), verdicts=HEALTHY),
    _case(name="very-slow-way", what="a way on which everything takes 2.5 s",
          expert="it works, very slowly", build=partial(_slow, delay="2.5"), verdicts=HEALTHY,
          also=("smtp.greeting_late",)),
    _case(name="only-587-open", what="465 dropped, 587 open",
          expert="465 is closed from here; 587 works", build=_other_port_open,
          causes=("net.other_port_open", "net.timeout"), told="587", fix=("587",)),
    _case(name="reset-after-handshake", what="a filter that resets after the handshake",
          expert="reset in the middle: a filter, or the server",
          build=partial(_cut, after="2"), causes=("net.reset", "net.closed_by_server",
                                                  "smtp.no_backend", "smtp.backend_down"),
          fix=("firewall|log|filter|network|behind",)),
    _case(name="ipv6-literal", what="an IPv6 address as target",
          expert="the certificate has names and no address", target=f"[{MAIL6}]:465",
          build=_ipv6,
          causes=("tls.certificate_no_address",), told=r"mail\.example\.com"),
)  # fmt: skip
