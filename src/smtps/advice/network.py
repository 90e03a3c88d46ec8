"""Names and connections."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_I = Severity.INFO
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR
_NETWORK = Who.NETWORK

ADVICE: dict[str, Advice] = {
    "dns.invalid_name": Advice(
        _E, "This can be no host name.", "Check the spelling; write addresses in full.", _YOU),
    "dns.name_not_found": Advice(
        _E, "The name does not exist in DNS.",
        "Check the spelling; your provider's help page has the right name.", _YOU),
    "dns.lookup_failed": Advice(
        _E, "Your resolver could not answer. That says nothing about the mail server.",
        "Try again, or another resolver.", _NETWORK),
    "dns.no_address": Advice(
        _E, "The name exists but has no address to connect to.",
        "Check the name; as its operator, add an A or AAAA record.", _OPERATOR),
    "dns.timeout": Advice(
        _E, "Your resolver did not answer in time. That says nothing about the mail server.",
        "Try again, or another resolver.", _NETWORK),
    "net.refused": Advice(
        _E, "The machine answers, but nothing listens on this port.",
        "Check the port: 465 with implicit TLS, 587 with STARTTLS. As its operator, enable the "
        "listener.", _YOU),
    "net.timeout": Advice(
        _E, "Packets are dropped: by a firewall there, or by your own network, as many do.",
        "Try from another network; if other servers time out on this port too, yours blocks it.",
        _NETWORK),
    "net.prohibited": Advice(
        _E, "A firewall rejects connections to this port.",
        "As the server's operator, open the port (firewall-cmd --permanent --add-service="
        "smtps); if the firewall is in your network, ask whoever runs that.", _OPERATOR,
        "RFC 1812 section 5.2.7.1"),
    "net.host_unreachable": Advice(
        _E, "A router on the way says that it cannot reach the server: the machine is off, its "
        "address is wrong, or a firewall rejects the connection in that way.",
        "Check the address. As the server's operator, check that it is running and that its "
        "firewall opens the port.", _OPERATOR),
    "net.path_mtu": Advice(
        _E, "Large packets are lost on the way to or from this server. A tunnel, VPN or PPPoE link "
        "takes only smaller ones, and a firewall drops the messages that would say so.",
        "Let ICMP “fragmentation needed” and “packet too big” through, or clamp the MSS on the "
        "router or VPN.", _NETWORK, "RFC 8899, RFC 2923 section 2.1"),
    "net.unreachable": Advice(
        _E, "There is no route to this address from here.",
        "If it is an IPv6 address, your network has no IPv6: use IPv4.", _NETWORK),
    "net.reset": Advice(
        _E, "Something cut the connection: a firewall, a block list, or a crash.",
        "Try again later or from another address; the server's log tells why.", _OPERATOR),
    "net.closed_by_server": Advice(
        _E, "The server hung up instead of answering.",
        "Try again later; the server's log tells why.", _OPERATOR),
    "net.blocked_here": Advice(
        _E, "This machine's own firewall forbids the connection.",
        "Allow outgoing connections to this port.", _YOU),
    "net.out_of_sockets": Advice(
        _E, "This machine has no room for another connection.",
        "Close some, or raise the limit on open files.", _YOU),
    "net.forbidden": Advice(
        _E, "This service does not connect to such targets.",
        "Use a public mail server on a mail port, or ask who runs the service.", _YOU),
    "net.failed": Advice(_E, "The connection failed.", "Try again.", _NETWORK),
    "net.port_blocked_here": Advice(
        _E, "Your own network blocks this port: other mail servers do not answer on it either.",
        "Try another network, or port 587; many hosting companies open the ports on request.",
        _NETWORK),
    "net.some_addresses_fail": Advice(
        _W, "Some of the server's addresses work and others do not, so it works by chance.",
        "Repair those that fail, or take them out of DNS.", _OPERATOR, "RFC 8305"),
    "net.many_addresses": Advice(
        _I, "The name has more addresses than are looked at.",
        "Check the others by address; as its operator, put fewer into DNS.", _OPERATOR),
    "dns.no_submission_server": Advice(
        _E, "Neither the domain nor any list says where its mail is to be handed in.",
        "Ask your provider for the outgoing server; as its operator, add SRV records "
        "_submissions._tcp.", _YOU, "RFC 6186"),
    "dns.reverse_missing": Advice(
        _I, "The address has no name in reverse DNS.",
        "Nothing to do for logging in; servers that it delivers to may mind.", _OPERATOR,
        "RFC 1912 section 2.1"),
    "dns.reverse_mismatch": Advice(
        _I, "The name in reverse DNS does not lead back to the address.",
        "Add the missing record.", _OPERATOR, "RFC 1912 section 2.1"),
}  # fmt: skip
