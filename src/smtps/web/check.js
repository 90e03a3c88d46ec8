// A check: phases as they happen, then verdict, findings and facts.

import { either, events, Problem } from './api.js';
import { patience } from './account.js';
import { capabilityList } from './capabilities.js';
import { certificateCard } from './certificate.js';
import { alarm, announce, button, byId, el, list, put, reveal } from './dom.js';
import { findingCards, findingsOf, verdict } from './findings.js';
import { phaseName, Timeline } from './phases.js';
import { checkSnippets } from './snippets.js';
import { transcriptBlock } from './transcript.js';
import { count, encryption, milliseconds } from './words.js';

const UNTOLD = ['dns.lookup_failed', 'dns.timeout', 'net.out_of_sockets', 'net.forbidden', 'net.blocked_here'];
const LATER = ['smtp.shutting_down', 'smtp.greeting_refused', 'auth.try_later'];

let running = null;

/** Judge an answer: tone, sentence, and what stands behind it. */
function judge(account, answer) {
  const { host, port, security, username } = account;
  const where = `Port ${port}, ${encryption(security)}${answer.address ? `, ${answer.address}` : ''}.`;
  const findings = answer.findings ?? [];
  if (answer.success) {
    const login = answer.authenticated
      ? `The login as ${username} is accepted.`
      : 'The login was not tried: give user name and password to test it as well.';
    const serious = findings.filter(({ severity }) => severity !== 'info').length;
    if (!serious) return ['good', `${host} works`, `${login} ${where}`];
    return ['warning', `${host} works, with ${count(serious, 'warning')}`, `${login} ${where}`];
  }
  const step = phaseName(answer.phase);
  if (LATER.includes(answer.code) && answer.retryable) return ['warning', `${host} asks to come back later`, where];
  if (UNTOLD.includes(answer.code)) return ['warning', `Could not tell whether ${host} works`, `${step} failed on this side.`];
  if (answer.phase === 'auth') return ['bad', `${host} refuses the login`, `Connection and encryption are fine. ${where}`];
  return ['bad', `${host} does not work`, `It fails at the step “${step}”. ${where}`];
}

function connectionBlock(answer) {
  const { tls_version: version, cipher, address, rtt, greeting, authenticated, timings } = answer;
  return el('section', { class: 'block', 'aria-labelledby': 'connection-title' },
    el('h2', { id: 'connection-title' }, 'Connection'),
    list([
      ['Encryption', [version?.replace('TLSv', 'TLS '), cipher].filter(Boolean).join(', ')],
      ['Address', address],
      ['Open after', rtt == null ? null : milliseconds(rtt)],
      ['All in all', milliseconds(timings?.total)],
      ['Greeting', greeting && el('code', {}, greeting)],
      ['Login', authenticated == null ? null : authenticated ? 'accepted' : 'not tried'],
    ]));
}

function showVerdict(tone, sentence, more, action) {
  const focused = document.activeElement.id === 'check-stop';
  byId('verdict').dataset.tone = tone;
  put('verdict', verdict(tone, sentence, more, action));
  if (focused) byId('check').focus({ preventScroll: true });
  announce(`${sentence}. ${more}`);
}

function show(account, answer, context) {
  const { certificate, capabilities, tls_version: version, greeting, transcript } = answer;
  showVerdict(...judge(account, answer));
  put('findings', findingCards(answer.success ? answer.findings : findingsOf(answer), account, context.onTry));
  put('facts',
    certificate && certificateCard(certificate),
    (version || greeting) && connectionBlock(answer),
    capabilities?.length && capabilityList(capabilities));
  put('transcript', transcript?.length && transcriptBlock(transcript));
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

/** Follow the stream to the answer; throws a Problem when that is one. */
async function follow(account, timeline, signal) {
  const stream = events('/api/smtps/connect/events', { ...account, timeout: patience() }, signal);
  for await (const { event, data } of stream) {
    if (event === 'phase') timeline.mark(data.phase, data.ms, data.ok);
    if (event === 'result' && !data.success) throw new Problem(data);
    if (event === 'result') return data;
  }
}

/**
 * Check an account. `context` has onTry (next settings), onMistake (a Problem of the request),
 * onAnswer (the answer) and sandboxed (whether an account is one of the sandbox).
 */
export async function check(account, context) {
  running?.abort();
  const own = new AbortController();
  running = own;
  alarm();
  const timeline = new Timeline(account.security, Boolean(account.username));
  showRunning(account, timeline, () => own.abort());
  try {
    const answer = await either(follow(account, timeline, own.signal));
    timeline.finish(answer.success ? null : answer.phase, answer.timings);
    show(account, answer, context);
    context.onAnswer(account, answer);
  } catch (error) {
    timeline.finish(null);
    if (running !== own) return; // another check has taken the place
    if (error.name === 'AbortError') {
      showVerdict('plain', 'Stopped', 'The check was stopped before its end.');
    } else {
      showVerdict('plain', 'Not checked', 'Nothing was found out about the server.');
      context.onMistake(error);
    }
  }
}
