"""Dovecot's configuration, to be filled in by str.format(), and what 2.4 calls otherwise."""

import re
import subprocess
from functools import cache

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

RENAMED = [
    (r"\A", "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n"),
    (r"^ssl_cert = <", "ssl_server_cert_file = "),
    (r"^ssl_key = <", "ssl_server_key_file = "),
    (r"^default_vsz_limit = 0$", "default_vsz_limit = unlimited"),
    (r"^protocols = none$", "protocols ="),
    (r"^disable_plaintext_auth = no$", "auth_allow_cleartext = yes"),
    (r"^mail_location = maildir:", "mail_driver = maildir\nmail_path = "),
    (
        r"^passdb \{\n  driver = passwd-file\n  args = username_format=%u (.*)\n\}$",
        r"passdb passwd-file {\n  passwd_file_path = \1\n}",
    ),
    (
        r"^passdb \{\n  driver = oauth2\n  mechanisms = .*\n  args = (.*)/oauth2.conf\n\}$",
        (
            r"oauth2 {\n  introspection_mode = local\n  username_attribute = email\n"
            r"  oauth2_local_validation {\n    dict fs {\n      fs posix {\n"
            r"        prefix = \1/keys/\n      }\n    }\n  }\n}"
        ),
    ),
    (
        r"^userdb \{\n  driver = static\n  args = (uid=\d+) (gid=\d+) (home=.*)\n\}$",
        r"userdb static {\n  fields {\n    \1\n    \2\n    \3\n  }\n}",
    ),
]
"""How 2.3 says it → how 2.4 does. Neither reads the other's."""


@cache
def version() -> tuple[int, ...]:
    """Of the installed program, such as (2, 3)."""
    command = ["/usr/sbin/dovecot", "--version"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return tuple(int(number) for number in found.split()[0].partition("-")[0].split(".")[:2])


def as_installed(text: str) -> str:
    """A configuration of 2.3, as the installed Dovecot wants it."""
    if version() >= (2, 4):
        for old, new in RENAMED:
            text = re.sub(old, new, text, flags=re.MULTILINE)
    return text
