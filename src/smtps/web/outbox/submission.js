// One message of the outbox: what became of it, for whom, why, and what can be done.

import { showAttempts } from './attempts.js';
import { recipientList } from '../shared/recipients.js';
import { announce, badge, button, byId, el, list, put } from '../shared/dom.js';
import { findingCards, verdict } from '../shared/findings.js';
import { saveButton, sourceBlock } from '../shared/raw.js';
import { focusHeading, setTitle } from '../shared/router.js';
import { copyLink } from '../shared/share.js';
import { stateOf, UNDER_WAY, WAITING } from './states.js';
import { until } from '../shared/until.js';
import { count, moment } from '../shared/words.js';

export const pathOf = (id) => `/api/smtps/messages/${encodeURIComponent(id)}`;

let shown = {}; // the message as it was shown last

const sentenceOf = ({ status, recipients }) => (status === 'sent'
  ? `Sent to ${count(recipients.length, 'recipient')}` : stateOf(status).sentence);

function meaningOf({ status, due }) {
  const { meaning } = stateOf(status);
  if (!WAITING.includes(status)) return meaning;
  return [`${meaning} `, due && ['Next attempt ', until(due), '.']].flat();
}

function showState(message) {
  const { tone, shape } = stateOf(message.status);
  const sentence = sentenceOf(message);
  const place = byId('submission-verdict');
  place.dataset.tone = tone;
  place.dataset.status = message.status;
  const focused = place.contains(document.activeElement);
  put('submission-verdict', verdict(tone, sentence, meaningOf(message), null, shape, { id: 'submission-title' }));
  if (focused) focusHeading();
  if (message.status !== shown.status || message.id !== shown.id) announce(sentence);
}

/** What the state allows. */
function actionsFor({ status, kept }, { onRetry, onCancel }) {
  if (WAITING.includes(status)) {
    return [
      button('Send now', onRetry, { 'data-do': 'retry', class: 'button primary' }),
      button('Cancel', onCancel, { 'data-do': 'cancel', class: 'button danger' }),
    ];
  }
  const { again } = stateOf(status);
  return kept && again ? [button(again, onRetry, { 'data-do': 'retry', class: 'button' })] : [];
}

function showActions(message, actions) {
  if (message.status === shown.status && message.id === shown.id) return;
  const focused = byId('submission-actions').contains(document.activeElement);
  put('submission-actions', actionsFor(message, actions));
  if (focused) focusHeading();
}

function showFailure({ status, failure }, told) {
  const open = failure && ![told, stateOf(status).told].includes(failure.code);
  put('submission-failure', open && findingCards([{
    code: failure.code, severity: UNDER_WAY.includes(status) ? 'warning' : 'error', seen: failure.message,
    meaning: failure.meaning ?? failure.message, fix: failure.advice ?? '', for: null,
  }]));
}

const TOLD = {
  pending: ['pending', 'plain'], delivered: ['delivered', 'good'], undelivered: ['given up', 'bad'],
};

function showWebhook({ id, webhook }, { onNotify }) {
  const place = byId('submission-webhook-part');
  place.hidden = !webhook;
  const now = JSON.stringify([id, webhook]);
  if (!webhook || now === place.dataset.shown) return;
  place.dataset.shown = now;
  const { event, status, attempts, failure, last_attempt_at: last, next_attempt_at: next } = webhook;
  const [word, tone] = status === 'pending' && failure ? ['retrying', 'warning'] : TOLD[status];
  const focused = place.contains(document.activeElement);
  put('submission-webhook',
    list([
      ['Event', el('code', {}, event)],
      ['Status', [badge(word, tone), attempts > 0 && ` ${count(attempts, 'attempt')}`].filter(Boolean)],
      ['Last attempt', last && moment(last)],
      ['Next attempt', next && until(next)],
      [status === 'delivered' ? 'Before that' : 'Why', failure && el('code', {}, failure.message)],
      ['What to do', status !== 'delivered' && failure?.advice],
    ], { class: 'rows' }),
    el('div', { class: 'buttons' }, button('Deliver again', onNotify, { 'data-do': 'notify' })));
  if (focused) byId('submission-webhook-title').focus();
}

function showFacts(message) {
  put('submission-facts', list([
    ['Subject', el('bdi', {}, message.subject || '(no subject)')],
    ['From', message.from || '<>'],
    ['Account', message.account],
    ['Submitted', moment(message.created_at)],
    ['Expires', WAITING.includes(message.status) && moment(message.expires_at)],
    ['Ended', message.finished_at && moment(message.finished_at)],
    ['Message-ID', message.message_id && el('code', {}, message.message_id)],
    ['ID', el('code', {}, message.id)],
    ['Tags', message.tags.length > 0 && el('ul', { class: 'chips' }, message.tags.map((tag) => el('li', {}, tag)))],
    ...Object.entries(message.metadata),
  ], { class: 'rows' }));
}

/** The message as it is: shown here, or saved. */
function rawActs({ id, size, kept, subject }) {
  if (!kept) return el('p', { class: 'acts-note' }, 'The message itself has been deleted.');
  const path = `${pathOf(id)}/raw`;
  return [
    el('ul', { class: 'acts' }, saveButton(path, subject || id), copyLink()),
    sourceBlock(path, size),
  ];
}

/** Show a message. `told` is the code that the card of its account explains already. */
export function showSubmission(message, told, actions) {
  setTitle(message.subject || '(no subject)');
  showState(message);
  showActions(message, actions);
  showFailure(message, told);
  put('submission-people', recipientList(message.recipients));
  byId('submission-tries').hidden = !message.attempts.length;
  showAttempts(message.attempts, message.failure?.code, pathOf(message.id));
  showWebhook(message, actions);
  showFacts(message);
  if (message.id !== shown.id || message.kept !== shown.kept) put('submission-raw', rawActs(message));
  shown = message;
}

/** Show nothing, until the next message is known. */
export function clearSubmission() {
  shown = {};
  const place = byId('submission-verdict');
  place.dataset.tone = 'plain';
  delete place.dataset.status;
  put('submission-verdict', verdict('plain', 'Message', '\u00a0', null, 'plain', { id: 'submission-title' }));
  byId('submission-tries').hidden = true;
  byId('submission-webhook-part').hidden = true;
  for (const part of ['actions', 'failure', 'account', 'people', 'attempts', 'facts', 'raw']) put(`submission-${part}`);
}
