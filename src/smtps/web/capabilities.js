// What the server says it can do, and what that means in a few words.

import { el } from './dom.js';
import { octets } from './words.js';

const WORDS = {
  '8BITMIME': 'Accepts non-ASCII text without re-encoding.',
  ATRN: 'Hands over mail waiting for a site.',
  BINARYMIME: 'Accepts attachments without re-encoding.',
  BURL: 'Can fetch the message from an IMAP mailbox itself.',
  CHUNKING: 'Accepts large messages in chunks, which is faster.',
  DELIVERBY: 'Accepts a deadline for delivery.',
  DSN: 'Can report whether a message arrived.',
  ENHANCEDSTATUSCODES: 'Adds a precise status code to each reply.',
  ETRN: 'Starts sending waiting mail on request.',
  EXPN: 'Lists the members of a mailing list.',
  FUTURERELEASE: 'Can hold a message until a given time.',
  HELP: 'Offers help texts.',
  LIMITS: 'States its limits for a session.',
  'MT-PRIORITY': 'Accepts a priority for a message.',
  PIPELINING: 'Accepts several commands at once, which saves time.',
  REQUIRETLS: 'Can require TLS on every hop to the recipient.',
  RRVS: 'Can check that a mailbox still has the same owner.',
  SMTPUTF8: 'Accepts addresses in any script.',
  STARTTLS: 'Can switch to TLS.',
  VRFY: 'Reports whether a mailbox exists.',
  XCLIENT: 'Lets trusted clients act for others.',
};

const MECHANISMS = {
  PLAIN: 'a password', LOGIN: 'a password', EXTERNAL: 'a client certificate', GSSAPI: 'Kerberos', NTLM: 'Windows login',
  'CRAM-MD5': 'a hashed password', 'DIGEST-MD5': 'a hashed password', XOAUTH2: 'an access token', OAUTHBEARER: 'an access token',
};

function login(mechanisms) {
  const words = mechanisms.map((name) => (name.startsWith('SCRAM-') ? 'a proof of the password' : MECHANISMS[name]));
  const known = [...new Set(words.filter(Boolean))];
  return known.length ? `Accepts logins with ${known.join(', ')}.` : 'Accepts logins.';
}

/** The largest message in octets that these lines allow; null where none is stated. */
export function sizeLimit(lines) {
  const found = lines.map((line) => /^SIZE (\d+)$/i.exec(line)).find(Boolean);
  return Number(found?.[1]) || null;
}

function explain(line) {
  const [keyword, ...rest] = line.toUpperCase().split(/[ =]/);
  if (keyword === 'AUTH') return login(rest);
  if (keyword !== 'SIZE') return WORDS[keyword] ?? 'No description is available.';
  const size = sizeLimit([line]);
  return size ? `Accepts messages of up to ${octets(size)}.` : 'Accepts messages of any size.';
}

export function capabilityList(lines) {
  return el('section', { class: 'block', id: 'capabilities', 'aria-labelledby': 'capabilities-title' },
    el('h2', { id: 'capabilities-title' }, 'What the server can do'),
    el('dl', { class: 'words' }, lines.map((line) => el('div', {}, el('dt', {}, line), el('dd', {}, explain(line))))));
}
