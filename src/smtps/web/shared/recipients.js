// The recipients of a message, and what the server said about each.

import { badge, el } from './dom.js';

const STATUSES = {
  accepted: ['accepted', 'good'], refused: ['refused', 'bad'], deferred: ['later', 'warning', 'turn'],
  uncertain: ['uncertain', 'warning', 'question'], unsent: ['not sent', 'plain', 'dash'], pending: ['waiting', 'plain', 'clock'],
};

function recipient({ email, status, smtp }) {
  const [word, tone, shape = tone] = STATUSES[status] ?? [status, 'plain'];
  const reply = smtp && [smtp.code, smtp.text].filter(Boolean).join(' ');
  return el('li', {},
    el('bdi', { class: 'name' }, email), badge(word, tone, shape),
    reply && el('code', { class: 'reply' }, reply));
}

/** Who it is for, and what the server said about each. */
export const recipientList = (recipients) => el('ul', { class: 'people', 'aria-label': 'Recipients' }, recipients.map(recipient));
