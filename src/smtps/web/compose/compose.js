// Writing a message and sending it, with the progress of the upload.

import { either, upload } from '../shared/api.js';
import { INPUTS, patience } from '../server/account.js';
import { attached, encoded } from './attachments.js';
import { delivery } from './delivery.js';
import { alarm, announce, byId, el, put, reveal } from '../shared/dom.js';
import { blame, clearProblems, forgive, showProblems } from '../shared/fields.js';
import { verdict } from '../shared/findings.js';
import { keyOf, QUEUE_FIELDS, readQueue, settleKey } from './queueing.js';

const form = byId('compose');

const FIELDS = {
  ...INPUTS, from: 'compose-from', to: 'compose-to', cc: 'compose-cc', bcc: 'compose-bcc', subject: 'compose-subject',
  body: 'compose-text', html: 'compose-html', ...QUEUE_FIELDS,
};

/** @type {AbortController | null} */
let running = null;

const value = (id) => byId(id).value.trim();

/** Addresses apart at commas, semicolons and line ends, but not inside quotes or angle brackets. */
const people = (text) => (text.match(/(?:"[^"]*"|<[^>]*>|[^,;\n"<])+/g) ?? []).map((who) => who.trim()).filter(Boolean);

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
  byId('send').disabled = byId('queue-up').disabled = is;
  byId('upload').hidden = byId('send-stop').hidden = !is;
  if (is) byId('send-stop').focus();
}

function showResult(...nodes) {
  put('send-result', nodes);
  reveal(byId('send-result'));
}

function stopped() {
  showResult(el('div', { class: 'verdict', 'data-tone': 'warning' }, verdict('warning', 'Stopped',
    'If transmission had already started, the message may have been sent: check the mailbox before you send it again.')));
  announce('Stopped');
}

/**
 * What is wrong with a request: beside its fields, and for the rest above.
 * @param {{document?: any, message: string}} problem
 */
export function mistake({ document: { errors, error } = { errors: [] }, message }) {
  const homeless = showProblems(errors, FIELDS);
  const text = errors.length && !homeless.length ? '' : [error ?? message, ...homeless].join(' ');
  alarm(text);
  if (text) reveal(byId('alert'));
}

/** Have `perform(files, attachments, signal)` hand over what is written, with `button` pressed. */
async function handOver(button, saying, perform) {
  alarm();
  put('send-result');
  const own = new AbortController();
  running = own;
  setRunning(true);
  announce(saying);
  try {
    const files = attached();
    await perform(files, files.length ? { attachments: await encoded() } : {}, own.signal);
  } catch (error) {
    if (error.name === 'AbortError') stopped();
    else mistake(error);
  } finally {
    const here = document.activeElement === byId('send-stop');
    setRunning(false);
    if (here) byId(button).focus();
  }
}

/** Send what is written by an account. `context` is that of a check, and has onSent. */
export async function send(account, context) {
  const message = readMessage();
  if (!message) return;
  await handOver('send', 'Sending', async (files, attachments, signal) => {
    const body = { ...account, timeout: Math.max(patience(), 30_000), ...message, ...attachments };
    const answer = await either(upload('/api/smtps/send?detail=full', body, showProgress, signal));
    showResult(...delivery(account, message, files, answer, context));
    context.onSent(account, answer);
  });
}

/** Leave what is written with the outbox; `onQueued(answer)` is told where it is. */
export async function queue(onQueued) {
  const message = readMessage();
  const terms = message && readQueue();
  if (!terms) return;
  await handOver('queue-up', 'Queueing', async (_files, attachments, signal) => {
    const body = { ...terms, ...message, ...attachments };
    const key = { 'Idempotency-Key': keyOf(body) };
    const answer = await upload('/api/smtps/messages', body, showProgress, signal, key);
    settleKey();
    onQueued(answer);
  });
}

byId('send-stop').addEventListener('click', () => running?.abort());
forgive(form);
