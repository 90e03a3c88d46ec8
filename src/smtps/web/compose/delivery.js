// What became of a message, as a whole and for each recipient.

import { announce, badge, button, el, list } from '../shared/dom.js';
import { findingCards, findingsOf, verdict } from '../shared/findings.js';
import { sendSnippets } from '../shared/snippets.js';
import { transcriptBlock } from '../shared/transcript.js';
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

const STATUSES = {
  accepted: ['accepted', 'good'], refused: ['refused', 'bad'], deferred: ['later', 'warning'],
  uncertain: ['uncertain', 'warning'], unsent: ['not sent', 'plain'], pending: ['waiting', 'plain'],
};

function outcomeOf({ success, outcome, recipients = [] }) {
  if (outcome || !success) return outcome;
  return recipients.every(({ status }) => status === 'accepted') ? 'sent' : 'partial';
}

function recipient({ email, status, smtp }) {
  const [word, tone] = STATUSES[status] ?? [status, 'plain'];
  const reply = smtp && [smtp.code, smtp.text].filter(Boolean).join(' ');
  return el('li', {},
    el('span', { class: 'name' }, email), badge(word, tone),
    reply && el('code', { class: 'reply' }, reply));
}

/** Who it is for, and what the server said about each. */
export const recipientList = (recipients) => el('ul', { class: 'people', 'aria-label': 'Recipients' }, recipients.map(recipient));

function facts({ message_id: id, reply, timings }) {
  return list([
    ['Server’s reply', reply && el('code', {}, reply)],
    ['Message-ID', id && el('code', {}, id)],
    ['Total', milliseconds(timings?.total)],
  ]);
}

/** The result's nodes. `context` as for a check, and onInbox to look into the sandbox's. */
export function delivery(account, message, files, answer, context) {
  const outcome = outcomeOf(answer);
  const [tone, sentence, meaning] = OUTCOMES[outcome] ?? FAILED;
  const recipients = answer.recipients ?? [];
  const whole = outcome === 'sent' ? `${sentence} to ${count(recipients.length, 'recipient')}` : sentence;
  const sandboxed = context.sandboxed(account);
  const look = sandboxed && ['sent', 'partial', 'uncertain'].includes(outcome)
    && button('Open the inbox', context.onInbox);
  announce(`${whole}. ${meaning}`);
  return [
    el('div', { class: 'verdict', id: 'send-verdict', 'data-tone': tone, 'data-outcome': outcome ?? 'failed' },
      verdict(tone, whole, meaning, look)),
    recipients.length && recipientList(recipients),
    !answer.success && findingCards(findingsOf(answer)),
    facts(answer),
    answer.transcript?.length && transcriptBlock(answer.transcript),
    sendSnippets(account, message, files, sandboxed),
  ];
}
