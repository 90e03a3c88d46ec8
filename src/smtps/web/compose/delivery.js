// What became of a message, as a whole and for each recipient.

import { announce, el, list } from '../shared/dom.js';
import { findingCards, findingsOf, verdict } from '../shared/findings.js';
import { fold } from '../shared/folds.js';
import { recipientList } from '../shared/recipients.js';
import { sendSnippets } from '../shared/snippets.js';
import { transcriptOf } from '../shared/transcript.js';
import { count, milliseconds } from '../shared/words.js';

const OUTCOMES = {
  sent: ['good', 'Sent', 'The server has accepted the message and is now responsible for delivering it or reporting a failure.'],
  partial: ['warning', 'Sent, but not to all', 'The refused recipients have not received it.'],
  refused: ['bad', 'Not sent: refused', 'No one received it. Sending the same message again will fail the same way.'],
  deferred: ['warning', 'Not sent yet', 'No one has received it so far. Sending it again later is safe.'],
  uncertain: ['warning', 'Delivery unknown',
    'The whole message was sent, but no reply arrived. It may have been delivered, and sending it again may deliver it '
    + 'twice. Check the recipient’s mailbox or the server’s log first.'],
};
const FAILED = ['bad', 'Not sent', 'The message was not transmitted.'];

function outcomeOf({ success, outcome, recipients = [] }) {
  if (outcome || !success) return outcome;
  return recipients.every(({ status }) => status === 'accepted') ? 'sent' : 'partial';
}

function facts({ message_id: id, reply, timings }) {
  if (!reply && !id) return null;
  return fold('Answer', reply || 'none', list([
    ['Server’s reply', reply && el('code', {}, reply)],
    ['Message-ID', id && el('code', {}, id)],
    ['Total', milliseconds(timings?.total)],
  ], { class: 'rows' }));
}

/** The result's nodes. */
export function delivery(account, message, files, answer, sandboxed) {
  const outcome = outcomeOf(answer);
  const [tone, sentence, meaning] = OUTCOMES[outcome] ?? FAILED;
  const recipients = answer.recipients ?? [];
  const whole = outcome === 'sent' ? `${sentence} to ${count(recipients.length, 'recipient')}` : sentence;
  const look = sandboxed && ['sent', 'partial', 'uncertain'].includes(outcome)
    && el('a', { class: 'button primary', href: '#/inbox' }, 'Open the inbox');
  const shape = outcome === 'uncertain' ? 'question' : tone;
  announce(`${whole}. ${meaning}`);
  return [
    el('div', { class: 'verdict', id: 'send-verdict', 'data-tone': tone, 'data-outcome': outcome ?? 'failed' },
      verdict(tone, whole, meaning, look, shape)),
    !answer.success && findingCards(findingsOf(answer)),
    recipients.length > 0 && el('section', { class: 'card block' }, el('h2', {}, 'Recipients'), recipientList(recipients)),
    el('div', { class: 'folds' },
      facts(answer),
      answer.transcript?.length > 0 && fold('Transcript', count(answer.transcript.length, 'line'), transcriptOf(answer.transcript)),
      sendSnippets(account, message, files, sandboxed)),
  ];
}
