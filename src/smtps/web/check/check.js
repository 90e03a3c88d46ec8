// A check: phases as they happen, then verdict, findings and what stands behind them.

import { phase as phaseNames } from '../labels.js';
import { events, Problem } from '../shared/api.js';
import { alarm, announce, button, byId, el, put } from '../shared/dom.js';
import { findingCards, verdict } from '../shared/findings.js';
import { keepResult, keptResult } from '../shared/kept.js';
import { format } from '../shared/address.js';
import { advance, focusHeading, here, setTitle } from '../shared/router.js';
import { copyText, fileName, save, shareButton, shareCard } from '../shared/share.js';
import {
  depth, fill, foldForm, hasServer, openForm, openPart, patience, readAccount, useForm,
} from '../server/form.js';
import { mistake } from '../server/mistake.js';
import { isSandbox } from '../shared/sandbox.js';
import { reportFolds } from './folds.js';
import { judge } from './judge.js';
import { Timelines } from './phases.js';

const FORMS = '/api/smtps/check/events?forms=text&forms=markdown&forms=html';

/** @type {AbortController | null} */
let running = null;
let shown = ''; // the address of what is shown

/** @param {any} [actions] */
function showVerdict(tone, sentence, more, actions, shape = tone) {
  const focused = byId('verdict').contains(document.activeElement);
  byId('verdict').dataset.tone = tone;
  put('verdict', verdict(tone, sentence, more, actions, shape));
  if (focused) focusHeading();
}

function showParts(result) {
  byId('check-title').hidden = byId('check-start').hidden = result;
  byId('check-result').hidden = !result;
  byId('server').classList.toggle('hero', !result);
  byId('server-title').hidden = byId('paste').hidden = result;
  byId('paste').classList.remove('alone');
}

function passOn(account, { forms }) {
  const name = fileName(`${account.host}-${account.port ?? ''}`, 'html');
  return shareCard('Pass it on', [
    forms?.text && shareButton('copy', 'Copy report', copyText(forms.text)),
    forms?.markdown && shareButton('copy', 'Copy as Markdown for a ticket', copyText(forms.markdown)),
    forms?.html && shareButton('save', 'Save as HTML', () => save(forms.html, name)),
    shareButton('link', 'Copy link to this check', copyText(location.href)),
  ], 'No password is in any of them.');
}

/** Settings to try next, from the button of a finding. */
function tryNext(settings) {
  fill(settings);
  startCheck();
}

function showReport(account, report) {
  const { tone, sentence, more } = judge(account, report);
  showVerdict(tone, sentence, more);
  announce(`${sentence}. ${more}`);
  setTitle(sentence);
  put('findings', findingCards(report.findings, { port: report.port ?? account.port, security: report.security ?? account.security }, tryNext));
  put('folds', reportFolds(account, report, isSandbox(account)));
  put('pass-on', passOn(account, report));
  foldForm({ strong: tone === 'bad' && !byId('findings').querySelector('.primary') });
}

/** Keep what a result shows; of the account only what is no secret. */
function keep(address, { password, access_token: token, ...known }, report) {
  keepResult(address, { account: { ...known, ...((password || token) && { login: true }) }, report });
}

function showKept({ account, report }) {
  const timelines = new Timelines(report.security ?? account.security, account.login);
  showParts(true);
  put('phases', timelines.element);
  timelines.finish(report);
  showReport(account, report);
}

function showRunning(account, timelines, stop) {
  showParts(true);
  foldForm();
  byId('server-again').hidden = true;
  put('findings', el('p', { class: 'place' }, 'Findings will appear here.'));
  for (const id of /** @type {const} */ (['folds', 'pass-on'])) put(id);
  showVerdict('busy', `Checking ${account.host}`, '\u00a0', button('Stop', stop, { id: 'check-stop', class: 'button' }), 'busy');
  put('phases', timelines.element);
  scrollTo(0, 0);
  focusHeading();
  announce(`Checking ${account.host}`);
}

function showPhase(phase) {
  const line = byId('verdict').querySelector('p');
  const limit = Math.round(patience() / 1000);
  if (line) line.textContent = `${phaseNames[phase] ?? phase} is in progress. Gives up after ${limit} s.`;
}

/** Follow the stream to the report; throws a Problem when that is one. */
async function follow(account, timelines, signal) {
  const stream = events(FORMS, { ...account, ...depth(), timeout: patience() }, signal);
  for await (const { event, data } of stream) {
    if (event === 'phase') timelines.mark(data.address, data.phase, data.ms, data.ok);
    if (event === 'result' && !data.verdict) throw new Problem(data);
    if (event === 'result') return data;
  }
  return null; // never: a stream that ends without a result is a Problem
}

async function check(account, address) {
  running?.abort();
  const own = new AbortController();
  running = own;
  alarm();
  const login = Boolean(account.password || account.access_token);
  const timelines = new Timelines(account.security, login, showPhase);
  showRunning(account, timelines, () => own.abort());
  showPhase('dns');
  try {
    const report = await follow(account, timelines, own.signal);
    if (running !== own) return;
    timelines.finish(report);
    keep(address, account, report);
    showReport(account, report);
  } catch (error) {
    timelines.finish();
    if (running !== own) return; // another check has taken the place
    put('findings');
    foldForm({ strong: true });
    if (error.name === 'AbortError') {
      showVerdict('plain', 'Stopped', 'The check was stopped before it finished.', null, 'dash');
    } else {
      showVerdict('plain', 'Not checked', 'No information about the server was obtained.', null, 'dash');
      mistake(error);
    }
  } finally {
    if (running === own) {
      running = null;
      byId('server-again').hidden = false;
    }
  }
}

/** Check what the form says. */
export function startCheck() {
  const account = readAccount();
  if (!account) return;
  const query = openPart(account);
  shown = format('check', [], query);
  if (location.hash !== shown) advance('check', [], query);
  check(account, shown);
}

/** Open the view: a result that was kept, a server to be checked, or the start. */
export function open({ query }) {
  useForm({ label: 'Check', again: 'Check again', heading: 'Check a server', act: startCheck });
  const address = format('check', [], query);
  if (address === shown && (running || !byId('check-result').hidden)) {
    showParts(true);
    foldForm();
    return;
  }
  running?.abort();
  running = null;
  shown = address;
  if (query.host) fill({ port: '465', ...query });
  const kept = query.host && keptResult(address);
  if (kept) {
    showKept(kept);
    return;
  }
  // A link alone checks nothing: whoever follows it decides.
  showParts(false);
  openForm({ whole: true });
  if (query.host && hasServer()) byId('check').focus();
}

/** Leave the view: a check goes on, and is there again on the way back. */
export const close = () => {};

/** Whether this is the start, and nothing has been checked. */
export const isStart = () => here().view === 'check' && byId('check-result').hidden;
