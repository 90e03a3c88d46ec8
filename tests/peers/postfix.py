"""Postfix's configuration, to be filled in by str.format()."""

MAIN = """\
compatibility_level = 3.6
queue_directory = {run}/queue
data_directory = {run}/data
maillog_file = {log}
maillog_file_prefixes = {log}
myhostname = mail.{domain}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no

# Every local part of the domain is delivered, nothing else is, and nothing leaves this host.
mydestination =
alias_maps =
alias_database =
virtual_alias_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = {run}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
default_transport = error:this host delivers to {domain} only
relay_transport = error:this host delivers to {domain} only
# Clients on the loopback interface would otherwise have their headers completed.
local_header_rewrite_clients =

message_size_limit = {size_limit}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_client_event_limit_exceptions = 127.0.0.1
smtpd_error_sleep_time = 0

smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_received_header = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {run}/auth
"""

MASTER = """\
127.0.0.1:{tls_port} inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{starttls_port} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{relay_port} inet n - n - - smtpd
  -o syslog_name=postfix/from-dovecot
  -o smtpd_authorized_xclient_hosts=127.0.0.1
  -o smtpd_relay_restrictions=permit_mynetworks,reject
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
proxywrite unix - - n -     1 proxymap
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
virtual   unix  - n n -     - virtual
anvil     unix  - - n -     1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""
