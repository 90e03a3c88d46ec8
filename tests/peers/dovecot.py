"""Dovecot's configuration, to be filled in by str.format()."""

CONF = """\
base_dir = {run}/dovecot
state_dir = {run}/dovecot-state
log_path = /dev/stderr
hostname = dovecot.{domain}
protocols = submission
listen = 127.0.0.1
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer
# A wrong password is answered within half a second, however many there were before.
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = passwd-file
  args = username_format=%u {run}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {run}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={run}/mail/home
}}
mail_location = maildir:~/Maildir
mail_max_userip_connections = 0
service auth {{
  unix_listener {run}/auth {{
    mode = 0666
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = 0
  }}
  inet_listener submissions {{
    port = {dovecot_port}
    ssl = yes
  }}
}}
submission_max_mail_size = {size_limit}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
submission_relay_trusted = yes
"""

# Tokens are JWTs whose signature Dovecot checks itself: no token server is asked.
OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={run}/keys/
username_attribute = email
"""
