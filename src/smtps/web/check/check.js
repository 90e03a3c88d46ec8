// A check: phases as they happen, then verdict, findings and facts.

import { events, Problem } from '../shared/api.js';
import { depth, patience } from '../server/account.js';
import { capabilityList } from './capabilities.js';
import { certificateCards } from './certificate.js';
import { detailBlocks } from './details.js';
import { alarm, announce, button, byId, el, list, put, reveal } from '../shared/dom.js';
import { findingCards, verdict } from '../shared/findings.js';
import { phaseName, Timelines } from './phases.js';
import { checkSnippets } from '../shared/snippets.js';
import { transcriptBlock } from '../shared/transcript.js';
import { count, encryption, milliseconds } from '../shared/words.js';

/** @type {AbortController | null} */
let running = null;

/** What ended the dialogue: nothing, if it came to its end at any address. */
const failureOf = ({ addresses }) => (addresses.every(({ failure }) => failure) ? addresses[0]?.failure : null);

/** Judge a report: tone, sentence, and what stands behind it. */
function judge({ host, port, security, username }, report) {
  const [{ address } = {}] = report.addresses;
  const found = report.discovery && report.host !== host ? ` Found for ${host}: ${report.host}.` : '';
  const more = report.addresses.length > 1 ? `${count(report.addresses.length, 'address', 'addresses')}` : address;
  const where = `Port ${report.port ?? port}, ${encryption(report.security ?? security)}${more ? `, ${more}` : ''}.${found}`;
  const failure = failureOf(report);
  const step = phaseName(failure?.phase);
  const login = report.auth.authenticated
    ? `The login as ${username} was accepted.`
    : 'The login was not tried: enter a user name and password to test it.';
  const warnings = report.findings.filter(({ severity }) => severity !== 'info').length;
  switch (report.verdict) {
    case 'works': return ['good', `${host} works`, `${login} ${where}`];
    case 'warnings': return ['warning', `${host} works, with ${count(warnings, 'warning')}`, `${login} ${where}`];
    case 'later': return ['warning', `${host} asks clients to retry later`, where];
    case 'unknown': return ['warning', `Could not determine whether ${host} works`, 'The look-up failed on this side.'];
  }
  if (report.auth.failure?.phase === 'token') return ['bad', `There is no access token for ${host}`, `Connection and encryption are fine. ${where}`];
  if (report.auth.failure) return ['bad', `${host} refuses the login`, `Connection and encryption are fine. ${where}`];
  return ['bad', `${host} does not work`, `${failure?.phase ? `It fails at the step “${step}”. ` : ''}${where}`];
}

function connectionBlock({ tls, addresses, greeting, auth, timings, grade }) {
  const spent = Object.values(timings).reduce((sum, ms) => sum + ms, 0);
  const points = grade?.because.map(({ code, points: off }) => `${off} ${code}`).join(', ');
  return el('section', { class: 'block', 'aria-labelledby': 'connection-title' },
    el('h2', { id: 'connection-title' }, 'Connection'),
    list([
      ['Encryption', tls && [tls.version?.replace('TLSv', 'TLS '), tls.cipher, tls.group].filter(Boolean).join(', ')],
      ['Address', addresses.map(({ address }) => address).join(', ')],
      ['Total', milliseconds(spent)],
      ['Greeting', greeting && el('code', {}, greeting)],
      ['Login', auth.authenticated ? `accepted, by ${auth.mechanism}` : auth.tried ? 'refused' : 'not tried'],
      ['Grade', grade && `${grade.letter}, ${grade.points} of 100${points ? ` (${points})` : ''}`],
    ]));
}

function showVerdict(tone, sentence, more, action) {
  const focused = document.activeElement?.id === 'check-stop';
  byId('verdict').dataset.tone = tone;
  put('verdict', verdict(tone, sentence, more, action));
  if (focused) byId('check').focus({ preventScroll: true });
  announce(`${sentence}. ${more}`);
}

function show(account, report, context) {
  const transcripts = report.addresses.filter(({ transcript }) => transcript?.length);
  const chain = (report.addresses.find(({ failure }) => !failure) ?? report.addresses[0])?.certificates ?? [];
  showVerdict(...judge(account, report));
  put('findings', findingCards(report.findings, account, context.onTry));
  put('facts',
    chain.length > 0 && certificateCards(chain),
    (report.tls || report.greeting) && connectionBlock(report),
    report.capabilities.length > 0 && capabilityList(report.capabilities),
    detailBlocks(report));
  put('transcript', transcripts.map(({ address, transcript }) =>
    transcriptBlock(transcript, transcripts.length > 1 && address)));
  put('check-snippets', checkSnippets(account, context.sandboxed(account)));
}

function showRunning({ host, port, security }, timeline, stop) {
  byId('welcome').hidden = true;
  byId('check-result').hidden = false;
  for (const id of ['findings', 'facts', 'transcript', 'check-snippets']) put(id);
  showVerdict('plain', `Checking ${host}`, `Port ${port}, ${encryption(security)}.`,
    button('Stop', stop, { id: 'check-stop' }));
  put('phases', timeline.element);
  reveal(byId('panels'));
}

/** Follow the stream to the report; throws a Problem when that is one. */
async function follow(account, timeline, signal) {
  const stream = events('/api/smtps/check/events', { ...account, ...depth(), timeout: patience() }, signal);
  for await (const { event, data } of stream) {
    if (event === 'phase') timeline.mark(data.address, data.phase, data.ms, data.ok);
    if (event === 'result' && !data.verdict) throw new Problem(data);
    if (event === 'result') return data;
  }
  return null; // never: a stream that ends without a result is a Problem
}

/**
 * Check an account. `context` has onTry (next settings), onMistake (a Problem of the request),
 * onAnswer (the report) and sandboxed (whether an account is one of the sandbox).
 */
export async function check(account, context) {
  running?.abort();
  const own = new AbortController();
  running = own;
  alarm();
  const timeline = new Timelines(account.security, Boolean(account.username));
  showRunning(account, timeline, () => own.abort());
  try {
    const report = await follow(account, timeline, own.signal);
    timeline.finish(report);
    show(account, report, context);
    context.onAnswer(account, report);
  } catch (error) {
    timeline.finish();
    if (running !== own) return; // another check has taken the place
    if (error.name === 'AbortError') {
      showVerdict('plain', 'Stopped', 'The check was stopped before it finished.');
    } else {
      showVerdict('plain', 'Not checked', 'No information about the server was obtained.');
      context.onMistake(error);
    }
  }
}
