// The certificate, with its days left as a meter.

import { copyButton, el, list } from '../shared/dom.js';
import { expiresSoon } from '../labels.js';
import { count, day, shortName } from '../shared/words.js';

function validity({ not_before: from, not_after: until, days_left: left }) {
  const whole = from ? Math.max(1, (Date.parse(until) - Date.parse(from)) / 86_400_000) : 90;
  const part = Math.min(1, Math.max(0, left / whole));
  const tone = left < 0 ? 'bad' : left < Math.min(expiresSoon.days, whole * expiresSoon.part) ? 'warning' : 'good';
  const words = left < 0 ? `expired ${count(-left, 'day')} ago` : `${count(left, 'day')} left`;
  const meter = el('div', {
    class: 'meter', role: 'meter', 'data-tone': tone, 'aria-label': 'Validity left',
    'aria-valuemin': 0, 'aria-valuemax': Math.round(whole), 'aria-valuenow': Math.max(0, left), 'aria-valuetext': words,
  });
  meter.style.setProperty('--part', part.toFixed(4));
  return el('div', {}, `${day(until)}, ${words}`, meter);
}

/** SHA-256 in pairs, as other programs show it; lines break between them. */
function fingerprint(hex) {
  const pairs = hex.toUpperCase().match(/..?/g) ?? [];
  const text = el('code', { id: 'fingerprint' }, pairs.flatMap((pair, at) => (at ? [':', el('wbr'), pair] : [pair])));
  return el('div', {}, text, ' ', copyButton(text, 'the fingerprint'));
}

function issuerCard(certificate) {
  const { subject, issuer, self_signed: own } = certificate;
  return el('li', { class: 'card' }, el('h3', {}, shortName(subject)),
    list([['Issued by', own ? 'itself' : shortName(issuer)], ['Valid until', validity(certificate)]], { class: 'rows' }));
}

/** The certificate in one line. */
export function certificateFact({ names, subject, not_after: until, days_left: left }) {
  const name = names[0] ?? shortName(subject);
  return `${name}, ${left < 0 ? 'expired' : 'valid until'} ${day(until)}`;
}

/** The chain as the server sent it: its own certificate, and those above it as cards. */
export function certificateCards([certificate, ...issuers]) {
  const { subject, issuer, names, key, signature, self_signed: own, fingerprint_sha256: sha256 } = certificate;
  return [
    list([
      ['For', el('ul', { class: 'chips' }, names.map((name) => el('li', {}, name)))],
      ['Subject', names.includes(shortName(subject)) ? null : shortName(subject)],
      ['Issued by', own ? 'itself (self-signed)' : shortName(issuer)],
      ['Valid until', validity(certificate)],
      ['Key', [key, signature].filter(Boolean).join(', signed with ')],
      ['SHA-256', fingerprint(sha256)],
    ], { class: 'rows' }),
    issuers.length > 0 && el('ol', { class: 'chain', 'aria-label': 'Also sent' }, issuers.map(issuerCard)),
  ];
}
