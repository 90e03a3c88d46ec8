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
    "dns.alias_dangling": Advice(
        _E, "The name exists as an alias (CNAME), but what it points to does not.",
        "As its operator, correct or remove the CNAME record; else ask your provider for the "
        "server's name.", _OPERATOR, "RFC 1034 section 3.6.2"),
    "dns.alias_loop": Advice(
        _E, "The aliases (CNAME) of this name point back to one another, so it has no address.",
        "As its operator, let the last CNAME record point to a name with A or AAAA records.",
        _OPERATOR, "RFC 1034 section 3.6.2"),
    "dns.dnssec_failed": Advice(
        _E, "The domain's DNSSEC signatures do not verify, so resolvers that check them refuse to "
        "answer. Other networks may still find the name.",
        "As its operator, renew the signatures, or correct the DS record at the registrar.",
        _OPERATOR, "RFC 4035 section 5.5"),
    "dns.server_failed": Advice(
        _E, "The domain's own name servers do not answer, or answer wrongly.",
        "As its operator, check that every name server of the domain answers; else try again "
        "later.", _OPERATOR, "RFC 8914"),
    "dns.half_answered": Advice(
        _W, "The domain's name servers do not answer for one kind of address, and every client "
        "waits for that.",
        "As its operator, let the name servers answer AAAA questions with an empty answer where "
        "there is no IPv6.", _OPERATOR, "RFC 4074"),
    "dns.blocked_name": Advice(
        _E, "Your resolver blocks this name: it answers with the address 0.0.0.0, which leads "
        "nowhere. Ad blockers such as Pi-hole do that.",
        "Allow the name in the blocker, or use another resolver.", _NETWORK),
    "dns.loopback_address": Advice(
        _E, "The name leads to this very machine instead of a mail server. A blocker, an entry in "
        "the hosts file or a wrong record in DNS does that.",
        "Look for the name in the hosts file and in your blocker; compare with another resolver.",
        _NETWORK),
    "dns.private_address": Advice(
        _E, "The name leads to a private address, which can be reached only from inside that "
        "network.",
        "Connect from inside the network or its VPN. If you are outside, another resolver may "
        "know the public address.", _NETWORK, "RFC 1918"),
    "dns.srv_target_fails": Advice(
        _W, "DNS names several servers for handing in this domain's mail (SRV records), and one of "
        "them cannot be used. Programs that know only the first one may fail.",
        "As its operator, repair that server, or take its SRV record out of DNS.", _OPERATOR,
        "RFC 2782"),
    "dns.unusable_address": Advice(
        _E, "The name leads to an address that no mail server can have: it is reserved, or for "
        "multicast.",
        "As its operator, correct the A or AAAA record. Otherwise compare with another resolver: "
        "a proxy, VPN or blocker may have put the address there.", _OPERATOR, "RFC 6890"),
    "dns.submission_not_offered": Advice(
        _E, "The domain says in DNS that it has no server for outgoing mail.",
        "Ask your provider for the outgoing server. As its operator, replace the SRV records that "
        "point to “.”.", _YOU, "RFC 6186 section 3.4"),
    "dns.null_mx": Advice(
        _E, "The domain says in DNS that it takes no mail, so it hardly has a server for sending "
        "it.",
        "Check the address; mail goes out through the server of another domain.", _YOU,
        "RFC 7505"),
    "dns.lookup_failed": Advice(
        _E, "Your resolver could not answer. That says nothing about the mail server.",
        "Try again, or another resolver.", _NETWORK),
    "dns.no_address": Advice(
        _E, "The name exists but has no address to connect to.",
        "Check the name: a mail domain is not the name of its server. As its operator, add an A "
        "or AAAA record.", _OPERATOR),
    "dns.timeout": Advice(
        _E, "Your resolver did not answer in time. That says nothing about the mail server.",
        "Try again, or another resolver.", _NETWORK),
    "net.refused": Advice(
        _E, "The machine answers, but nothing listens on this port.",
        "Check the port: 465 with implicit TLS, 587 with STARTTLS. As its operator, enable the "
        "listener.", _YOU),
    "net.timeout": Advice(
        _E, "Packets are dropped: by a firewall there, by your own network, as many do, or by this "
        "computer's firewall.",
        "Try from another network, and with this computer's firewall open for the port; if other "
        "servers time out on this port too, the block is on your side.",
        _NETWORK),
    "net.other_port_open": Advice(
        _E, "This port cannot be reached from here, but the server's other port for handing in "
        "mail is open.",
        "Use the open port: 587 with STARTTLS, or 465 with implicit TLS. As its operator, open "
        "both.", _YOU, "RFC 8314 section 3.3"),
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
        "If it is an IPv6 address, your network has no IPv6: use IPv4. Else check this machine's "
        "network connection and routes.", _NETWORK),
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
    "net.intermittent": Advice(
        _W, "The server failed at first and worked when the same was tried again: it was "
        "restarting, has too much to do, limits connections, or one of several servers behind the "
        "address is broken.",
        "Check again in a few minutes, several times. If it goes on, its operator finds the reason "
        "in the logs of the mail server and of the load balancer: restarts, limits on connections, "
        "and each server behind the address on its own.", _OPERATOR),
    "net.inconsistent": Advice(
        _E, "The server fails, but not in the same way each time, so no single cause can be named: "
        "it is restarting, has too much to do, limits connections, or several servers behind the "
        "address differ.",
        "Check again in a few minutes. As its operator, look into the logs of the mail server and "
        "of the load balancer, and check each server behind the address on its own.", _OPERATOR),
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
