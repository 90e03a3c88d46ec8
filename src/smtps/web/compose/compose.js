// Writing a message and sending it or leaving it with the outbox, with the progress of the upload.

import { either, Problem, request, upload } from '../shared/api.js';
import { alarm, announce, button, byId, el, put } from '../shared/dom.js';
import { blame, clearProblems, forgive } from '../shared/fields.js';
import { verdict } from '../shared/findings.js';
import { focusHeading, go } from '../shared/router.js';
import { isSandbox } from '../shared/sandbox.js';
import { located } from '../server/discover.js';
import { foldForm, hasServer, openForm, patience, readAccount, server, useForm } from '../server/form.js';
import { mistake } from '../server/mistake.js';
import { people } from './addresses.js';
import { attached, encoded, setLimit } from './attachments.js';
import { delivery } from './delivery.js';
import { keyOf, offerQueue, QUEUE_FIELDS, readQueue, settleKey } from './queueing.js';
import { sizeLimit } from '../check/capabilities.js';

const form = byId('compose');

const FIELDS = {
  from: 'compose-from', to: 'compose-to', cc: 'compose-cc', bcc: 'compose-bcc', subject: 'compose-subject',
  body: 'compose-text', html: 'compose-html', ...QUEUE_FIELDS,
};

/** @type {AbortController | null} */
let running = null;

const value = (id) => byId(id).value.trim();
const queueing = () => byId('way-queue').checked;

/** The message as the service takes it, without attachments; null when a field is missing. */
function readMessage() {
  clearProblems(form);
  const [to, cc, bcc] = ['to', 'cc', 'bcc'].map((name) => people(value(`compose-${name}`)));
  const missing = [
    !value('compose-from') && ['compose-from', 'Enter your own address.'],
    ![...to, ...cc, ...bcc].length && ['compose-to', 'Enter at least one address.'],
  ];
  if (blame(missing.filter(Boolean))) return null;
  const html = byId('compose-html').value;
  const text = byId('compose-text').value;
  return {
    from: value('compose-from'), to,
    ...(cc.length && { cc }), ...(bcc.length && { bcc }),
    subject: value('compose-subject'),
    ...((text || !html) && { body: text }), ...(html && { html }),
    ...(byId('compose-partial').value === 'send' && { partial: 'send' }),
  };
}

function showProgress(part) {
  const bar = byId('upload-bar');
  if (part < 1) bar.value = part;
  else bar.removeAttribute('value');
  byId('upload-text').textContent = part < 1 ? `Uploading, ${Math.floor(part * 100)} %` : 'Talking to the server …';
}

function setRunning(is) {
  byId('send').hidden = is;
  byId('upload').hidden = byId('send-stop').hidden = !is;
  if (is) byId('send-stop').focus();
}

/** The result takes the place of the form; the message is still there for another one. */
function showResult(...nodes) {
  put('send-result', nodes, el('div', { class: 'buttons' },
    button('Write another one', () => showForm(true), { class: 'button' }),
    button('Edit this one as new', () => showForm(false), { class: 'button plain' })));
  byId('send-result').hidden = false;
  form.hidden = byId('send-title').hidden = true;
  scrollTo(0, 0);
  focusHeading();
}

function showForm(empty) {
  if (empty) {
    for (const name of ['subject', 'text', 'html']) byId(`compose-${name}`).value = '';
  }
  byId('send-result').hidden = true;
  form.hidden = byId('send-title').hidden = false;
  byId(empty ? 'compose-subject' : 'compose-to').focus();
}

function stopped() {
  showResult(el('div', { class: 'verdict', 'data-tone': 'warning' }, verdict('warning', 'Stopped',
    'If transmission had already started, the message may have been sent: check the mailbox before you send it again.')));
  announce('Stopped');
}

/** Have `perform(files, attachments, signal)` hand over what is written. */
async function handOver(saying, perform) {
  alarm();
  const own = new AbortController();
  running = own;
  setRunning(true);
  announce(saying);
  try {
    const files = attached();
    await perform(files, files.length ? { attachments: await encoded() } : {}, own.signal);
  } catch (error) {
    if (error.name === 'AbortError') stopped();
    else mistake(error, FIELDS);
  } finally {
    const here = document.activeElement === byId('send-stop');
    setRunning(false);
    if (here) byId('send').focus();
  }
}

/** Send what is written through the server of the form. */
export async function send() {
  const account = readAccount();
  const message = account && readMessage();
  if (!message) return;
  await handOver('Sending', async (files, attachments, signal) => {
    const found = await located(account);
    if (!found) return;
    const body = { ...found, timeout: Math.max(patience(), 30_000), ...message, ...attachments };
    const answer = await either(upload('/api/smtps/send?detail=full', body, showProgress, signal));
    setLimit(sizeLimit(answer.capabilities ?? []));
    foldForm();
    showResult(...delivery(found, message, files, answer, isSandbox(found)));
  });
}

/** Leave what is written with the outbox, and go to where it is. */
async function queue() {
  const message = readMessage();
  const terms = message && readQueue();
  if (!terms) return;
  await handOver('Queueing', async (_files, attachments, signal) => {
    const body = { ...terms, ...message, ...attachments };
    const key = { 'Idempotency-Key': keyOf(body) };
    const { id, replayed } = await upload('/api/smtps/messages', body, showProgress, signal, key);
    settleKey();
    go('outbox', [id]);
    announce(replayed ? 'Already queued earlier' : 'Queued');
  });
}

function showVia() {
  const { host, port } = server();
  byId('compose-via').textContent = host ? `Through ${host}${port ? `, port ${port}` : ''}; the answer is shown at once.`
    : 'Through the server above; the answer is shown at once.';
}

function showWay() {
  byId('queue-terms').hidden = !queueing();
  byId('send').textContent = queueing() ? 'Queue' : 'Send';
  byId('server').hidden = queueing();
}

function showCopies(visible) {
  byId('compose-cc-row').hidden = byId('compose-bcc-row').hidden = !visible;
  byId('compose-copies').ariaExpanded = String(visible);
}

/** The user name is most often the own address. */
function fillFrom() {
  const name = value('username');
  if (name.includes('@')) byId('compose-from').value ||= name;
}

async function askAccounts() {
  try {
    offerQueue((await request('/api/smtps/accounts')).accounts);
  } catch (error) {
    if (!(error instanceof Problem)) throw error; // then there is no outbox to queue in
  }
}

function done() {
  if (!readAccount()) return;
  foldForm();
  showVia();
  fillFrom();
  byId('server-edit').focus();
}

/** Open the view. */
export async function open({ query }) {
  useForm({ label: 'Use this server', again: '', heading: 'Send through this server', act: done });
  if (hasServer()) foldForm();
  else openForm({ whole: true });
  form.hidden = byId('send-title').hidden = !byId('send-result').hidden;
  showVia();
  fillFrom();
  showCopies(Boolean(value('compose-cc') || value('compose-bcc')));
  await askAccounts();
  if (query.way === 'queue' && !byId('way-queue-row').hidden) byId('way-queue').checked = true;
  showWay();
}

export function close() {
  put('send-result');
  byId('send-result').hidden = true;
}

byId('send-stop').addEventListener('click', () => running?.abort());
byId('compose-copies').addEventListener('click', () => {
  showCopies(byId('compose-cc-row').hidden);
  if (!byId('compose-cc-row').hidden) byId('compose-cc').focus();
});
byId('ways').addEventListener('change', showWay);
byId('account').addEventListener('change', showVia);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (queueing()) queue();
  else send();
});
forgive(form);
