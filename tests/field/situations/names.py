"""Names: what DNS says, or does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.field.lab import HOST, Lab
from tests.field.nameserver import Zone
from tests.field.network import MAIL, MAIL6, NEIGHBOUR, OTHER, PRIVATE
from tests.field.servers import IMPLICIT, LOGIN, members, sink, stunnel, tls_front, web
from tests.field.situation import HEALTHY, Situation

_case = partial(Situation, group="names")
PUBLIC = "mail.contoso.com"
"""A name that is not reserved for examples: for those a private address is nothing odd."""


def _dns(records: Zone, *, server: bool = False) -> Callable[[Lab], None]:
    """A zone, and a good server behind it if wanted."""

    def build(lab: Lab) -> None:
        lab.zone.update(records)
        if server:
            tls_front(lab, lab.certificate(HOST, "smtp.example.com", "xn--bcher-kva.example"))

    return build


def _no_resolver(lab: Lab) -> None:
    lab.resolves = False


def _deaf_resolver(lab: Lab) -> None:
    lab.network.rules("udp dport 53 drop", "tcp dport 53 drop")


def _one_dead(lab: Lab, rule: str) -> None:
    lab.zone[HOST] = {"A": [MAIL, OTHER]}
    tls_front(lab, lab.certificate())
    if rule:
        lab.network.rules(f"ip daddr {OTHER} tcp dport 465 {rule}")


def _dead_ipv6(lab: Lab) -> None:
    lab.zone[HOST] = {"A": [MAIL], "AAAA": [MAIL6]}
    tls_front(lab, lab.certificate())
    lab.network.rules(f"ip6 daddr {MAIL6} drop")


def _both_families(lab: Lab) -> None:
    lab.zone[HOST] = {"A": [MAIL], "AAAA": [MAIL6]}
    sink(lab, 10025)
    stunnel(lab, lab.certificate(), 465, "127.0.0.1:10025", address="::")


def _only_ipv6(lab: Lab) -> None:
    lab.zone[HOST] = {"AAAA": [MAIL6]}
    sink(lab, 10025)
    stunnel(lab, lab.certificate(), 465, "127.0.0.1:10025", address="::")


def _loopback(lab: Lab) -> None:
    lab.zone[PUBLIC] = {"A": ["127.0.0.1"]}


def _split_horizon(lab: Lab) -> None:
    """The inside's address, seen from outside."""
    lab.zone[PUBLIC] = {"A": [PRIVATE]}
    lab.network.rules(f"ip daddr {PRIVATE} drop")


def _web_site_only(lab: Lab) -> None:
    lab.zone["example.com"] = {"A": [MAIL]}
    web(lab, lab.certificate("example.com"), 443)


def _served(lab: Lab, records: Zone) -> None:
    lab.zone.update(records)
    members(lab, lab.certificate(HOST, "smtp.example.com"), {465: IMPLICIT})


RESOLVER = ("dns.lookup_failed", "dns.timeout", "dns.resolver_refused", "dns.servfail",
            "dns.no_resolver", "dns.server_failed")  # fmt: skip
LEADS_NOWHERE = ("dns.alias_leads_nowhere", "dns.cname_dangling", "dns.dangling_alias",
                 "dns.cname_leads_nowhere", "dns.alias_dangling", "dns.name_not_found",
                 "dns.cname_target_missing")  # fmt: skip
ROUND = ("dns.alias_loop", "dns.cname_loop", "dns.lookup_failed")
BLOCKED = ("dns.blocked_name", "dns.null_address", "dns.unusable_address", "dns.blocked",
           "dns.blackholed", "dns.sinkholed", "dns.local_address",
           "dns.loopback_address")  # fmt: skip
INSIDE = ("dns.private_address", "dns.unusable_address", "net.timeout", "dns.local_address")
NO_MAIL = ("dns.null_mx", "dns.no_mail", "dns.no_submission_server")
NO_SERVICE = ("dns.no_submission_service", "dns.service_refused", "dns.no_submission_server",
              "dns.srv_null", "dns.srv_none", "dns.null_srv",
              "dns.submission_not_offered")  # fmt: skip

SITUATIONS = (
    _case(name="no-such-name", what="a name that is not in DNS",
          expert="the name does not exist", build=_dns({}), target="smpt.example.com",
          causes=("dns.name_not_found",), fix=("spell|typ|name",)),
    _case(name="misspelled-provider", what="smtp.gmial.com, which is not in DNS",
          expert="a slip of the pen: smtp.gmail.com", build=_dns({"example.org": {}}),
          target="smtp.gmial.com", causes=("dns.name_not_found",), told=r"smtp\.gmail\.com"),
    _case(name="servfail", what="a zone that fails (SERVFAIL), such as one with broken signatures",
          expert="the domain's own name servers or its DNSSEC fail; the resolver works",
          build=_dns({HOST: {"*": "servfail"}}), verdicts=("unknown", "fails"),
          causes=RESOLVER, told="SERVFAIL|DNSSEC|name servers? of|domain's",
          fix=("DNSSEC|domain|operator|zone",)),
    _case(name="refused-by-resolver", what="a resolver that refuses to answer",
          expert="the resolver does not serve this client",
          build=_dns({HOST: {"*": "refused"}}), verdicts=("unknown",),
          causes=RESOLVER, fix=("resolver",)),
    _case(name="deaf-resolver", what="a resolver that does not answer",
          expert="the resolver is out of reach; nothing is known of the server",
          build=_deaf_resolver, verdicts=("unknown",), causes=RESOLVER, fix=("resolver|DNS",)),
    _case(name="no-resolver", what="no program at the resolver's address",
          expert="the resolver is not there; nothing is known of the server",
          build=_no_resolver, verdicts=("unknown",), causes=RESOLVER, fix=("resolver|DNS",)),
    _case(name="alias-to-nothing", what="a CNAME whose target does not exist",
          expert="the alias leads to a name that does not exist any more",
          build=_dns({HOST: {"CNAME": ["old.hoster.example."]}, "hoster.example": {}}),
          causes=LEADS_NOWHERE, told=r"old\.hoster\.example", fix=("CNAME|alias",)),
    _case(name="alias-loop", what="two CNAMEs that lead to one another",
          expert="the aliases lead in a circle",
          build=_dns({HOST: {"CNAME": ["smtp.example.com."]},
                      "smtp.example.com": {"CNAME": [f"{HOST}."]}}),
          verdicts=("fails", "unknown"), causes=ROUND, told="loop|circle|round|itself|each other",
          fix=("CNAME|alias",)),
    _case(name="alias-chain", what="twenty CNAMEs in a row, of which the resolver follows eight",
          expert="too many aliases in a row: point the first to the host itself",
          build=_dns({HOST: {"CNAME": ["a1.example.com."]},
                      **{f"a{n}.example.com": {"CNAME": [f"a{n + 1}.example.com."]}
                         for n in range(1, 20)}, "a20.example.com": {"A": [MAIL]}}),
          verdicts=("fails", "unknown"), causes=("dns.alias_chain",), told="aliases",
          fix=("CNAME", "directly")),
    _case(name="alias-to-the-root", what="a CNAME that leads to the root",
          expert="the alias names no host", build=_dns({HOST: {"CNAME": ["."]}}),
          verdicts=("fails", "unknown"), causes=LEADS_NOWHERE, told="root", fix=("CNAME",)),
    _case(name="mapped-loopback-address", what="a public name with ::ffff:127.0.0.1",
          expert="the AAAA record leads to this machine: it is wrong",
          build=_dns({PUBLIC: {"AAAA": ["::ffff:127.0.0.1"]}}), target=PUBLIC,
          verdicts=("fails", "unknown"), causes=BLOCKED, told=r"127\.0\.0\.1", fix=("AAAA",)),
    _case(name="no-address", what="a name with MX and TXT records, and no address",
          expert="the name is no host: it has no address",
          build=_dns({"example.com": {"MX": ["10 mail.example.com."], "TXT": ['"v=spf1 -all"']}}),
          target="example.com:465", causes=("dns.no_address",), fix=("address|MX|host|server",)),
    _case(name="null-address", what="a blocking resolver that answers 0.0.0.0",
          expert="the resolver blocks the name",
          build=_dns({PUBLIC: {"A": ["0.0.0.0"]}}), target=PUBLIC, verdicts=("fails", "unknown"),
          causes=BLOCKED, told="block|filter|0\\.0\\.0\\.0", fix=("resolver|block|DNS",),
          never=("start|enable",)),
    _case(name="loopback-address", what="a public name with 127.0.0.1",
          expert="the name leads to this machine: a blocker, or a wrong record",
          build=_loopback, target=PUBLIC, verdicts=("fails", "unknown"),
          causes=BLOCKED, told="this (computer|machine)|127\\.0\\.0\\.1|block",
          fix=("record|resolver|DNS",)),
    _case(name="private-address", what="a public name with a private address",
          expert="the record is for the inside network: another is needed outside",
          build=_split_horizon, target=PUBLIC, verdicts=("fails", "unknown"),
          causes=INSIDE, told="private|inside|internal", also=("net.timeout",),
          fix=("record|VPN|public|inside|network",)),
    _case(name="address-of-a-web-site", what="the domain's own name, where only the web site is",
          expert="nothing listens there: mail is on another host",
          build=_web_site_only, target="example.com", causes=("net.refused",),
          fix=("port|host|name|server",)),
    _case(name="null-mx", what="a mail address of a domain with a null MX",
          expert="the domain takes and sends no mail (RFC 7505)",
          build=_dns({"parked.example": {"MX": ["0 ."]}}), target="ann@parked.example",
          causes=NO_MAIL, told="no mail|null MX|7505|not take", verdicts=("fails", "unknown")),
    _case(name="srv-none", what="a mail address whose domain says by SRV that it has no submission",
          expert="the domain says that there is no such service",
          build=_dns({"corp.example": {"MX": ["10 mail.example.com."]},
                      "_submissions._tcp.corp.example": {"SRV": ["0 0 0 ."]},
                      "_submission._tcp.corp.example": {"SRV": ["0 0 0 ."]}}),
          target="ann@corp.example", causes=NO_SERVICE, told="SRV|says",
          verdicts=("fails", "unknown")),
    _case(name="srv-to-a-good-server", what="a mail address whose SRV record names the server",
          expert="nothing is wrong",
          build=partial(_served, records={
              "corp.example": {"MX": ["10 mx.corp.example."]},
              "_submissions._tcp.corp.example": {"SRV": [f"0 1 465 {HOST}."]}}),
          target="ann@corp.example", verdicts=HEALTHY),
    _case(name="srv-to-nothing", what="a mail address whose SRV record names a host that is gone",
          expert="the SRV record leads to a name that does not exist",
          build=_dns({"corp.example": {"MX": ["10 mx.corp.example."]},
                      "_submissions._tcp.corp.example": {"SRV": ["0 1 465 gone.corp.example."]}}),
          target="ann@corp.example", told=r"gone\.corp\.example",
          causes=("dns.name_not_found", "dns.no_submission_server", "dns.srv_leads_nowhere"),
          verdicts=("fails", "unknown")),
    _case(name="no-server-found", what="a mail address of a domain without any mail record",
          expert="no server is known for the domain",
          build=_dns({"corp.example": {"A": [NEIGHBOUR]}}), target="ann@corp.example",
          causes=("dns.no_submission_server",), verdicts=("fails", "unknown"),
          fix=("provider|operator|host|server",)),
    _case(name="aaaa-never-answered", what="a name server that never answers for AAAA",
          expert="it works; the name server is broken for IPv6 questions",
          build=_dns({HOST: {"A": [MAIL], "AAAA": "deaf"}}, server=True), verdicts=HEALTHY,
          also=("dns.aaaa_unanswered", "dns.half_answered", "dns.no_answer_for_aaaa",
                "dns.aaaa_timeout", "dns.family_unanswered")),
    _case(name="aaaa-servfail", what="a name server that fails for AAAA",
          expert="it works; the name server is broken for IPv6 questions",
          build=_dns({HOST: {"A": [MAIL], "AAAA": "servfail"}}, server=True), verdicts=HEALTHY,
          also=("dns.aaaa_unanswered", "dns.half_answered", "dns.no_answer_for_aaaa",
                "dns.aaaa_failed", "dns.aaaa_timeout", "dns.family_unanswered")),
    _case(name="dead-ipv6-beside-ipv4", what="an AAAA record whose address drops everything",
          expert="half of the addresses are dead: some clients wait long",
          build=_dead_ipv6, verdicts=("warnings",), told=MAIL6,
          causes=("net.some_addresses_fail", "net.timeout"),
          also=("net.timeout",), fix=("AAAA|record|address|IPv6",)),
    _case(name="one-of-two-refuses", what="two addresses, one without a server",
          expert="one of two is dead",
          build=partial(_one_dead, rule=""), verdicts=("warnings",), told=OTHER.replace(".", r"\."),
          causes=("net.some_addresses_fail", "net.refused"), fix=("address|record",)),
    _case(name="one-of-two-drops", what="two addresses, one behind a firewall that drops",
          expert="one of two is dead: some clients wait long",
          build=partial(_one_dead, rule="drop"), verdicts=("warnings",),
          told=OTHER.replace(".", r"\."),
          causes=("net.some_addresses_fail", "net.timeout"), fix=("address|record",)),
    _case(name="only-ipv6-without-ipv6", what="a host with IPv6 only, and a client without",
          expert="this network has no IPv6, the server nothing else",
          build=_only_ipv6, network={"ipv6": False}, verdicts=("fails", "unknown"),
          causes=("net.unreachable", "net.no_ipv6"), told="IPv6", fix=("IPv6",)),
    _case(name="only-ipv6", what="a host with IPv6 only, and a client that has it",
          expert="nothing is wrong here", build=_only_ipv6, verdicts=HEALTHY),
    _case(name="both-families", what="a host with both families, and a client with both",
          expert="nothing is wrong", build=_both_families, verdicts=HEALTHY),
    _case(name="international-name", what="a name with an umlaut (IDNA)",
          expert="nothing is wrong",
          build=_dns({"xn--bcher-kva.example": {"A": [MAIL]}}, server=True),
          target="bücher.example", verdicts=HEALTHY),
    _case(name="alias-to-a-good-server", what="a CNAME to a good server's other name",
          expert="nothing is wrong",
          build=_dns({"smtp.example.com": {"CNAME": [f"{HOST}."]}}, server=True),
          target="smtp.example.com", verdicts=HEALTHY),
    _case(name="address-of-a-login", what="a mail address with a login, whose SRV names the server",
          expert="nothing is wrong",
          build=partial(_served, records={
              "example.com": {"MX": [f"10 {HOST}."]},
              "_submissions._tcp.example.com": {"SRV": [f"0 1 465 {HOST}."]}}),
          target="ann@example.com", options=LOGIN, verdicts=HEALTHY),
)  # fmt: skip
