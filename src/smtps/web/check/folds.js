// What a check found beyond its findings, folded: grade, certificate, connection, abilities, dialogue.

import { el, list } from '../shared/dom.js';
import { fold } from '../shared/folds.js';
import { checkSnippets } from '../shared/snippets.js';
import { transcriptOf } from '../shared/transcript.js';
import { count, milliseconds } from '../shared/words.js';
import { capabilityList } from './capabilities.js';
import { certificateCards, certificateFact } from './certificate.js';
import { detailBlocks } from './details.js';

function gradeFold({ grade }) {
  if (!grade) return null;
  const rows = grade.because.map(({ code, points }) => [el('code', {}, code), `${points} points`]);
  return fold('Grade', `${grade.letter}, ${grade.points} of 100`,
    rows.length ? list(rows, { class: 'rows' }) : 'Nothing was deducted.', { id: 'grade' });
}

function certificateFold({ addresses }) {
  const chain = (addresses.find(({ failure }) => !failure) ?? addresses[0])?.certificates ?? [];
  return chain.length ? fold('Certificate', certificateFact(chain[0]), certificateCards(chain), { id: 'certificate' }) : null;
}

function connectionFold({ tls, addresses, greeting, auth, timings }) {
  if (!tls && !greeting) return null;
  const spent = Object.values(timings).reduce((sum, ms) => sum + ms, 0);
  const encryption = tls && [tls.version?.replace('TLSv', 'TLS '), tls.cipher, tls.group].filter(Boolean).join(', ');
  return fold('Connection', encryption || 'without TLS', list([
    ['Encryption', encryption],
    ['Address', addresses.map(({ address }) => address).join(', ')],
    ['Total', milliseconds(spent)],
    ['Greeting', greeting && el('code', {}, greeting)],
    ['Login', auth.authenticated ? `accepted, by ${auth.mechanism}` : auth.tried ? 'refused' : 'not tried'],
  ], { class: 'rows' }));
}

function capabilityFold({ capabilities }) {
  if (!capabilities.length) return null;
  const names = capabilities.map((line) => line.split(/[ =]/)[0]).join(', ');
  return fold('What the server can do', names, capabilityList(capabilities), { id: 'capabilities' });
}

function transcriptFolds({ addresses }) {
  return addresses.filter(({ transcript }) => transcript?.length).map(({ address, transcript }) =>
    fold(`Transcript`, `${count(transcript.length, 'line')}, ${address}`, transcriptOf(transcript)));
}

/** All that there are. */
export function reportFolds(account, report, sandboxed) {
  return [
    gradeFold(report), certificateFold(report), connectionFold(report), capabilityFold(report),
    detailBlocks(report), transcriptFolds(report), checkSnippets(account, sandboxed),
  ].flat();
}
