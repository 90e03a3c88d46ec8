"""Advice on names, connections and TLS."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_I = Severity.INFO
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR
_NETWORK = Who.NETWORK

NETWORK: dict[str, Advice] = {
    "dns.invalid_name": Advice(
        _E, "This is not a valid host name.",
        "Check the spelling; write IP addresses in full.", _YOU),
    "dns.name_not_found": Advice(
        _E, "The name does not exist in DNS.",
        "Check the spelling; your provider's help page has the correct name.", _YOU),
    "dns.alias_dangling": Advice(
        _E, "The name exists as an alias (CNAME), but what it points to does not.",
        "If you operate the domain, correct or remove the CNAME record; otherwise ask your "
        "provider for the server's name.", _OPERATOR, "RFC 1034 section 3.6.2"),
    "dns.alias_loop": Advice(
        _E, "This name's aliases (CNAME) point back to one another, so it has no address.",
        "If you operate the domain, make the last CNAME record point to a name with A or AAAA "
        "records.",
        _OPERATOR, "RFC 1034 section 3.6.2"),
    "dns.alias_chain": Advice(
        _E, "The name is an alias (CNAME) of an alias of an alias, and so on: more in a row than "
        "resolvers follow.",
        "If you operate the domain, make the CNAME record point directly to the name that has the "
        "addresses.",
        _OPERATOR, "RFC 1034 section 3.6.2"),
    "dns.dnssec_failed": Advice(
        _E, "The domain's DNSSEC signatures do not verify, so resolvers that check them refuse to "
        "answer. Other networks may still find the name.",
        "If you operate the domain, renew the signatures, or correct the DS record at the "
        "registrar.",
        _OPERATOR, "RFC 4035 section 5.5"),
    "dns.server_failed": Advice(
        _E, "The domain's own name servers do not answer, or give faulty answers.",
        "If you operate the domain, check that every name server of the domain answers; otherwise "
        "try again later.", _OPERATOR, "RFC 8914"),
    "dns.half_answered": Advice(
        _W, "The domain's name servers do not answer queries for one type of address, which delays "
        "every client.",
        "If you operate the domain, make the name servers return an empty answer to AAAA queries "
        "where there is no IPv6.", _OPERATOR, "RFC 4074"),
    "dns.blocked_name": Advice(
        _E, "Your resolver blocks this name: it answers with the address 0.0.0.0, which leads "
        "nowhere. Ad blockers such as Pi-hole do this.",
        "Allow the name in the blocker, or use another resolver.", _NETWORK),
    "dns.loopback_address": Advice(
        _E, "The name resolves to this machine itself instead of a mail server. The cause is a "
        "blocker, an entry in the hosts file or a wrong DNS record.",
        "Look for the name in the hosts file and in your blocker; compare with another resolver.",
        _NETWORK),
    "dns.mapped_address": Advice(
        _E, "The name's AAAA record holds an IPv4 address in IPv6 notation (::ffff:…), which other "
        "machines cannot connect to by IPv6.",
        "If you operate the domain, remove that AAAA record, and publish the IPv4 address in an A "
        "record.",
        _OPERATOR, "RFC 4291 section 2.5.5.2"),
    "dns.private_address": Advice(
        _E, "The name resolves to a private address, which can be reached only from inside its "
        "network.",
        "Connect from inside the network or its VPN. If you are outside, another resolver may know "
        "the public address.", _NETWORK, "RFC 1918"),
    "dns.web_proxy": Advice(
        _E, "The name resolves to a web proxy (CDN), which forwards web pages and no mail.",
        "If you operate the domain, give the mail server a name whose DNS record leads to the "
        "server itself (Cloudflare: “DNS only”), and use that name for mail. Otherwise ask your "
        "provider for the server's name.", _OPERATOR),
    "dns.srv_target_fails": Advice(
        _W, "DNS names several submission servers for this domain (SRV records), and one of them "
        "does not work. Programs that try only the first one may fail.",
        "If you operate the domain, repair that server, or remove its SRV record from "
        "DNS.", _OPERATOR,
        "RFC 2782"),
    "dns.unusable_address": Advice(
        _E, "The name resolves to an address that no mail server can have: it is reserved, or for "
        "multicast.",
        "If you operate the domain, correct the A or AAAA record. Otherwise compare with another "
        "resolver: a proxy, VPN or blocker may have inserted the address.", _OPERATOR, "RFC 6890"),
    "dns.submission_not_offered": Advice(
        _E, "The domain's DNS records say that it has no server for outgoing mail.",
        "Ask your provider for the outgoing server. If you operate the domain, replace the SRV "
        "records that point to “.”.", _YOU, "RFC 6186 section 3.4"),
    "dns.null_mx": Advice(
        _E, "The domain's DNS records say that it accepts no mail, so it is unlikely to have a "
        "server for sending it.",
        "Check the address; mail is sent through another domain's server.", _YOU, "RFC 7505"),
    "dns.lookup_failed": Advice(
        _E, "Your resolver could not answer. This says nothing about the mail server.",
        "Try again, or use another resolver.", _NETWORK),
    "dns.no_address": Advice(
        _E, "The name exists but has no address to connect to.",
        "Check the name: a mail domain is not the name of its server. If you operate the domain, "
        "add an A or AAAA record.", _OPERATOR),
    "dns.timeout": Advice(
        _E, "Your resolver did not answer in time. This says nothing about the mail server.",
        "Try again, or use another resolver.", _NETWORK),
    "net.refused": Advice(
        _E, "The machine answers, but nothing is listening on this port.",
        "Check the port: 465 with implicit TLS, 587 with STARTTLS. If you operate the server, "
        "enable the listener.", _YOU),
    "net.timeout": Advice(
        _E, "Packets are being dropped: by a firewall at the server, by your own network (many "
        "networks block this port), or by this computer's firewall.",
        "Try from another network, and with the port open in this computer's firewall; if other "
        "servers time out on this port too, the block is on your side.", _NETWORK),
    "net.other_port_open": Advice(
        _E, "This port cannot be reached from here, but the server's other submission port is "
        "open.",
        "Use the open port: 587 with STARTTLS, or 465 with implicit TLS. If you operate the "
        "server, open both.", _YOU, "RFC 8314 section 3.3"),
    "net.prohibited": Advice(
        _E, "A firewall rejects connections to this port.",
        "If you operate the server, open the port (firewall-cmd --permanent --add-service=smtps); "
        "if the firewall is in your network, ask its administrator.", _OPERATOR,
        "RFC 1812 section 5.2.7.1"),
    "net.host_unreachable": Advice(
        _E, "A router on the path reports that it cannot reach the server: the machine is off, its "
        "address is wrong, or a firewall rejects the connection this way.",
        "Check the address. If you operate the server, check that it is running and that its "
        "firewall allows the port.", _OPERATOR),
    "net.path_mtu": Advice(
        _E, "Large packets are lost on the way to or from this server. A tunnel, VPN or PPPoE link "
        "carries only smaller ones, and a firewall drops the ICMP messages that would report this.",
        "Let ICMP “fragmentation needed” and “packet too big” through, or clamp the MSS on the "
        "router or VPN.", _NETWORK, "RFC 8899, RFC 2923 section 2.1"),
    "net.unreachable": Advice(
        _E, "There is no route to this address from here.",
        "Check this machine's network connection and routes. This says nothing about the server.",
        _NETWORK),
    "net.reset": Advice(
        _E, "The connection was reset: by a firewall, a block list, or a crash.",
        "Try again later or from another address; check the server's log for the reason.",
        _OPERATOR),
    "net.closed_by_server": Advice(
        _E, "The server closed the connection without replying.",
        "Try again later; check the server's log for the reason.", _OPERATOR),
    "net.blocked_here": Advice(
        _E, "This machine's own firewall blocks the connection.",
        "Allow outgoing connections to this port.", _YOU),
    "net.out_of_sockets": Advice(
        _E, "This machine has reached its limit of open connections.",
        "Close some, or raise the limit on open files.", _YOU),
    "net.forbidden": Advice(
        _E, "This service does not connect to such targets.",
        "Use a public mail server on a mail port, or ask the operator of this service.", _YOU),
    "net.failed": Advice(_E, "The connection failed.", "Try again.", _NETWORK),
    "net.port_blocked_here": Advice(
        _E, "Your own network blocks this port: other mail servers do not answer on it either.",
        "Try another network, or port 587; many hosting companies open blocked ports on request.",
        _NETWORK),
    "net.dropped_there": Advice(
        _E, "The server, or a firewall in front of it, drops connections to this port. Your own "
        "network lets the port through.",
        "If you operate the server, check that it is running, and that its firewall and hosting "
        "provider allow this port for your address; a ban after failed logins (fail2ban) looks the "
        "same. Otherwise report it to the operator.", _OPERATOR),
    "net.some_addresses_fail": Advice(
        _W, "Some of the server's addresses work and others do not, so connections succeed only by "
        "chance.",
        "Repair those that fail, or remove them from DNS.", _OPERATOR, "RFC 8305"),
    "net.portal": Advice(
        _E, "A web server with another name answers in place of the mail server: the login page of "
        "a hotel or guest network (captive portal), or a name or port that leads to a web site.",
        "If you are on such a network, open any web page in a browser and log in to the network; "
        "then check again. If not, check host and port.", _YOU),
    "net.port_not_offered": Advice(
        _E, "The provider does not offer mail submission on this port, whatever the network lets "
        "through.",
        "Use the provider's outgoing server and port.", _YOU),
    "net.receiving_only": Advice(
        _E, "Port 25 is open here and the submission ports are closed: this server receives mail "
        "from other servers (MX) and does not accept mail from mail programs.",
        "Use the outgoing server that your provider names; “smtps discover” with the domain of "
        "your address finds it. If you operate the server, enable a submission listener on it.",
        _YOU, "RFC 8314 section 3.3"),
    "net.intermittent": Advice(
        _W, "The server failed at first and worked when the same attempt was repeated: it was "
        "restarting, is overloaded, limits connections, or one of several servers behind the "
        "address is broken.",
        "Check again in a few minutes, several times. If it keeps happening, its operator should "
        "check the logs of the mail server and of the load balancer for restarts and connection "
        "limits, and test each server behind the address separately.", _OPERATOR),
    "net.inconsistent": Advice(
        _E, "The server fails, but not in the same way each time, so no single cause can be named: "
        "it is restarting, is overloaded, limits connections, or several servers behind the "
        "address differ.",
        "Check again in a few minutes. If you operate the server, check the logs of the mail "
        "server and of the load balancer, and test each server behind the address "
        "separately.", _OPERATOR),
    "net.many_addresses": Advice(
        _I, "The name has more addresses than smtps checks.",
        "Check the others by address; if you operate the domain, publish fewer in DNS.", _OPERATOR),
    "dns.no_submission_server": Advice(
        _E, "No submission server is known: neither the domain nor any list names one.",
        "Ask your provider for the outgoing server; if you operate the domain, add SRV records "
        "_submissions._tcp.", _YOU, "RFC 6186"),
    "dns.reverse_missing": Advice(
        _I, "The address has no name in reverse DNS.",
        "Logins are not affected; servers that it delivers mail to may object.", _OPERATOR,
        "RFC 1912 section 2.1"),
    "dns.reverse_mismatch": Advice(
        _I, "The name in reverse DNS does not resolve back to the address.",
        "Add the missing record.", _OPERATOR, "RFC 1912 section 2.1"),
}  # fmt: skip


_MODERN = "Upgrade the mail server's TLS library, or enable TLS 1.2 and 1.3 in its settings."

TLS: dict[str, Advice] = {
    "tls.plaintext_on_tls_port": Advice(
        _E, "The server speaks SMTP on this port, but without TLS from the first byte. Other "
        "programs report this as “wrong version number”.",
        "Use STARTTLS: port 587, or this port with --starttls. If you operate the "
        "server, set smtpd_tls_wrappermode=yes for the listener on port 465 (Postfix) or "
        "tls_on_connect_ports=465 (Exim).",
        _YOU),
    "tls.not_tls": Advice(
        _E, "The service on this port speaks neither TLS nor SMTP.",
        "Check host and port: 465 with implicit TLS, 587 with STARTTLS.", _YOU),
    "tls.timeout": Advice(
        _E, "The port is open, but nothing answers the TLS handshake: the server is overloaded or "
        "hangs, so that only its operating system accepts connections; the server behind a proxy "
        "is down; or a firewall swallows what is sent.",
        "If you operate the server, check whether all its processes are taken (Postfix: "
        "default_process_limit, maxproc in master.cf), and whether the server behind a proxy "
        "answers. Otherwise try again later, and report it to the operator.", _OPERATOR),
    "tls.handshake_stalled": Advice(
        _E, "The TLS handshake started but stalled: the server or a proxy hangs, or some of its "
        "packets are lost on the way.",
        "Try from another network. If you operate the server, check whether the server hangs, and "
        "whether large packets get through.", _OPERATOR),
    "tls.starttls_unanswered": Advice(
        _E, "The server offers STARTTLS but does not answer the command, so TLS never started.",
        "If you operate the server, check whether the server or a filter in front of it hangs; "
        "otherwise use port 465 with implicit TLS, if the server has it.", _OPERATOR, "RFC 3207 "
        "section 4"),
    "tls.closed": Advice(
        _E, "The server closed the connection during the handshake without giving a reason. Most "
        "often it has no usable certificate or key, or TLS is not set up for this port. A proxy "
        "whose mail server is down, a connection limit or a block list has the same effect.",
        "If you operate the server, read its log, and check that it can read its certificate and "
        "key (Postfix: smtpd_tls_chain_files, smtpd_tls_security_level). Otherwise try again later "
        "or from another address.",
        _OPERATOR),
    "tls.broken": Advice(
        _E, "The TLS connection failed during the session.",
        "Try again. If it happens every time, something on the network path is altering the data.",
        _OPERATOR),
    "tls.plaintext_in_tls": Advice(
        _E, "The server sent unencrypted data during the TLS session, as some servers do when they "
        "terminate a session abruptly.",
        "Try again. If you operate the server, check the mail server's log for the "
        "reason.", _OPERATOR),
    "tls.failed": Advice(
        _E, "The TLS handshake failed: what arrived from the server does not follow the TLS "
        "protocol.",
        "Try from another network, in case a device on the path changes the data. If you operate "
        "the server, update the server's TLS software, and check its log.", _OPERATOR),
    "tls.protocol_version": Advice(
        _E, "The server supports only TLS versions that are no longer safe.", _MODERN, _OPERATOR),
    "tls.handshake_refused": Advice(
        _E, "The server refused the TLS handshake, and its alert does not identify the cause.",
        "Check the server's TLS log: it names the cause.", _OPERATOR, "RFC 8446 section 6.2"),
    "tls.no_common_cipher": Advice(
        _E, "Client and server have no cipher or key-exchange group in common.",
        "If you operate the server, enable AES-GCM and ChaCha20-Poly1305 with ECDHE; the server's "
        "TLS log names what was missing.", _OPERATOR, "RFC 9325 section 4.2"),
    "tls.no_common_certificate": Advice(
        _E, "The server's certificate is of a kind that clients do not accept.",
        "Replace it with a certificate for an RSA key of 2048 bits or more, or an ECDSA key "
        "on P-256.",
        _OPERATOR, "RFC 8446 section 9.1"),
    "tls.no_common_group": Advice(
        _E, "The server accepts only a key-exchange group that common clients do not offer.",
        "Enable X25519 and P-256 on the server too.", _OPERATOR, "RFC 8446 section 9.1"),
    "tls.post_quantum_only": Advice(
        _E, "The server is too new for this client: it accepts only post-quantum key exchange, "
        "which takes OpenSSL 3.5 or later, Go 1.24 or a current browser.",
        "If you operate the server, enable X25519 and P-256 too; otherwise upgrade the client's "
        "OpenSSL to 3.5.", _OPERATOR),
    "tls.no_server_certificate": Advice(
        _E, "The server has no certificate to present, so no client can trust it.",
        "Configure a certificate and key for this port, check that the server can read both files, "
        "and restart it.", _OPERATOR),
    "tls.minimum_not_met": Advice(
        _E, "The server's newest TLS version is older than the required minimum.",
        "Accept TLS 1.2, which is still safe; if you operate the server, enable TLS 1.3.", _YOU),
    "tls.large_hello": Advice(
        _E, "The server, or a device in front of it, cannot handle a ClientHello larger than one "
        "packet, such as those sent by OpenSSL 3.5, Go 1.24 and browsers.",
        "Update the server's TLS software, or the firewall or load balancer in front of it. Until "
        "then, limit the client's groups to X25519 and P-256.", _OPERATOR, "RFC 8446 section 5.1"),
    "tls.twice": Advice(
        _E, "A proxy handles TLS in front of a server that itself expects TLS from the first byte.",
        "If you operate the server, let only one of them do TLS: pass connections through in the "
        "proxy, or disable TLS from the first byte in the server behind it (Postfix: "
        "smtpd_tls_wrappermode=no).", _OPERATOR),
    "tls.starttls_masked": Advice(
        _E, "A firewall on the path inspects SMTP and removes STARTTLS.",
        "Disable the inspection on the firewall (Cisco: no inspect esmtp), or use port 465 with "
        "implicit TLS.", _NETWORK),
    "tls.name_needed": Advice(
        _E, "The server hosts several names, and connecting by address does not show it which one "
        "you mean.",
        "Connect by the server's name.", _YOU, "RFC 6066 section 3"),
    "tls.name_blocked": Advice(
        _E, "Something on the network path blocks connections to this server by its name.",
        "Ask the network's administrator to allow the name, or try another network.", _NETWORK),
    "tls.weak_key_exchange": Advice(
        _E, "The server's Diffie-Hellman key is too short.",
        "Use ECDHE, or DH parameters of 2048 bits or more.", _OPERATOR),
    "tls.legacy_renegotiation": Advice(
        _E, "The server's TLS software dates from before 2010.", _MODERN, _OPERATOR),
    "tls.client_certificate_required": Advice(
        _E, "The server accepts only clients that present a certificate.",
        "Provide one, or use another port.", _YOU),
    "tls.client_certificate_refused": Advice(
        _E, "The server does not accept this client certificate.",
        "Renew it, or get a client certificate from the server's operator, from an issuer that the "
        "server trusts.", _YOU),
    "tls.unrecognized_name": Advice(
        _E, "The server does not recognize the name you asked for.",
        "Check the spelling, and use the server's official name; if you operate the server, "
        "configure a certificate for this name.", _YOU),
    "tls.server_error": Advice(
        _E, "TLS is broken on the server, often because it has no certificate for this name.",
        "Check the server's log for the reason.", _OPERATOR),
    "tls.starttls_not_offered": Advice(
        _E, "The server offers no TLS on this port, or something on the network path hides it.",
        "If you operate the server, set up TLS for this port (Postfix: smtpd_tls_chain_files, "
        "smtpd_tls_security_level). Otherwise use port 465 with implicit TLS, if the server has "
        "it.", _OPERATOR),
    "tls.starttls_refused": Advice(
        _E, "The server offers STARTTLS but then refuses it.",
        "If you operate the server, check the log: usually the server cannot read its certificate "
        "or key. Otherwise use port 465 with implicit TLS, if the server has it.", _OPERATOR,
        "RFC 3207 section 4"),
    "tls.starttls_in_clear": Advice(
        _E, "The server agreed to STARTTLS and then went on without TLS.",
        "If you operate the server, check that the server can read its certificate and key, and "
        "check its log; look also for a proxy or filter that answers STARTTLS itself. Otherwise "
        "use port 465 with implicit TLS, if the server has it.", _OPERATOR, "RFC 3207 section 4"),
    "tls.starttls_injection": Advice(
        _E, "Data was injected before TLS started: an attack, or a badly broken server.",
        "Do not use this connection; use port 465 with implicit TLS.", _NETWORK),
    "tls.starttls_inside_tls": Advice(
        _W, "The server offers STARTTLS although TLS is already active.",
        "Stop offering STARTTLS on this listener (RFC 3207 section 4.2).", _OPERATOR),
    "tls.implicit_tls_port": Advice(
        _E, "This port requires TLS from the first byte; the client waited for an unencrypted "
        "greeting.",
        "Use implicit TLS: on the command line, --security implicit.", _YOU, "RFC 8314 section 3"),
    "tls.old_ciphers_only": Advice(
        _E, "The server offers only ciphers that are no longer safe; some clients still accept "
        "them.",
        "Enable ECDHE with AES-GCM or ChaCha20-Poly1305 in the server's cipher settings, and TLS "
        "1.3 if its TLS library has it.", _OPERATOR, "RFC 9325 section 4.2"),
    "tls.old_versions_accepted": Advice(
        _W, "The server still accepts TLS versions that are no longer safe.",
        "Disable TLS 1.0 and 1.1.", _OPERATOR, "RFC 8996"),
    "tls.weak_cipher_accepted": Advice(
        _W, "The server still accepts ciphers that are no longer safe.",
        "Offer AES-GCM and ChaCha20-Poly1305 with ECDHE only.", _OPERATOR, "RFC 9325 section 4.2"),
    "tls.version_intolerant": Advice(
        _E, "The server, or a device in front of it, drops a modern ClientHello but accepts an old "
        "one.",
        "Update the firewall, load balancer or other device in front of the server, or the "
        "server's own TLS software: both have to ignore versions that they do not know. TLS 1.3 "
        "need not be enabled for that.", _OPERATOR, "RFC 8446 appendix D"),
}  # fmt: skip
