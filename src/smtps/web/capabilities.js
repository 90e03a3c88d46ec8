// What the server says it can do, and what that means in a few words.

import { el } from './dom.js';
import { octets } from './words.js';

const WORDS = {
  '8BITMIME': 'Letters beyond English travel as they are.',
  ATRN: 'Hands over mail that waits for a site.',
  BINARYMIME: 'Attachments travel without being recoded.',
  BURL: 'Can fetch the message from an IMAP mailbox itself.',
  CHUNKING: 'Takes big messages in pieces, which is faster.',
  DELIVERBY: 'Can be given a deadline for delivery.',
  DSN: 'Can report whether a message arrived.',
  ENHANCEDSTATUSCODES: 'Gives a precise code with each answer.',
  ETRN: 'Starts sending waiting mail when asked.',
  EXPN: 'Lists who is behind a mailing list.',
  FUTURERELEASE: 'Can hold a message back until a given time.',
  HELP: 'Has a help text.',
  LIMITS: 'States how much it takes in one session.',
  'MT-PRIORITY': 'Heeds how urgent a message is.',
  PIPELINING: 'Takes several commands at once, which saves waiting.',
  REQUIRETLS: 'Can insist on TLS on the whole way to the reader.',
  RRVS: 'Can check that a mailbox still has the same owner.',
  SMTPUTF8: 'Takes addresses in any script.',
  STARTTLS: 'Can switch to TLS.',
  VRFY: 'Says whether a mailbox exists.',
  XCLIENT: 'Lets trusted machines speak for others.',
};

const MECHANISMS = {
  PLAIN: 'a password', LOGIN: 'a password', EXTERNAL: 'a client certificate', GSSAPI: 'Kerberos', NTLM: 'Windows login',
  'CRAM-MD5': 'a hashed password', 'DIGEST-MD5': 'a hashed password', XOAUTH2: 'an access token', OAUTHBEARER: 'an access token',
};

function login(mechanisms) {
  const words = mechanisms.map((name) => (name.startsWith('SCRAM-') ? 'a proof of the password' : MECHANISMS[name]));
  const known = [...new Set(words.filter(Boolean))];
  return known.length ? `Takes logins with ${known.join(', ')}.` : 'Takes logins.';
}

/** The largest message in octets that these lines allow; null where none is stated. */
export function sizeLimit(lines) {
  const found = lines.map((line) => /^SIZE (\d+)$/i.exec(line)).find(Boolean);
  return Number(found?.[1]) || null;
}

function explain(line) {
  const [keyword, ...rest] = line.toUpperCase().split(/[ =]/);
  if (keyword === 'AUTH') return login(rest);
  if (keyword !== 'SIZE') return WORDS[keyword] ?? 'Nothing is known here about this one.';
  const size = sizeLimit([line]);
  return size ? `Takes messages of up to ${octets(size)}.` : 'Takes messages of any size.';
}

export function capabilityList(lines) {
  return el('section', { class: 'block', id: 'capabilities', 'aria-labelledby': 'capabilities-title' },
    el('h2', { id: 'capabilities-title' }, 'What the server can do'),
    el('dl', { class: 'words' }, lines.map((line) => el('div', {}, el('dt', {}, line), el('dd', {}, explain(line))))));
}
