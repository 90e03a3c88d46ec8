// What may become of a message in the outbox: in a word, a tone and a shape, and in a sentence.
// `told` is the failure that the meaning explains already, `again` what sending it once more is called.

import { el, mark } from './dom.js';

const STATES = {
  queued: {
    word: 'Queued', tone: 'plain', shape: 'plain',
    sentence: 'Waits for its turn', meaning: 'It goes out by itself.',
  },
  scheduled: {
    word: 'Scheduled', tone: 'plain', shape: 'clock',
    sentence: 'Waits for its time', meaning: 'It goes out by itself.',
  },
  sending: {
    word: 'Sending', tone: 'busy', shape: 'arrow',
    sentence: 'On its way', meaning: 'It is being handed to the server.',
  },
  retrying: {
    word: 'Retrying', tone: 'warning', shape: 'turn',
    sentence: 'Not sent yet', meaning: 'It will be tried again by itself.',
  },
  sent: {
    word: 'Sent', tone: 'good', shape: 'good',
    sentence: 'Sent', meaning: 'The server has taken the message, and with it the duty to deliver it or to report back.',
  },
  partial: {
    word: 'Partly sent', tone: 'warning', shape: 'warning',
    sentence: 'Sent, but not to all', meaning: 'The others have not got it.', again: 'Send to the others again',
  },
  failed: {
    word: 'Failed', tone: 'bad', shape: 'bad',
    sentence: 'Not sent', meaning: 'Nobody got it, and it is not tried again by itself.', again: 'Send again',
  },
  uncertain: {
    word: 'Uncertain', tone: 'warning', shape: 'question',
    sentence: 'Perhaps sent, perhaps not',
    meaning: 'It may have been delivered, and sending it again may deliver it twice. Look in the mailbox of the recipient, '
      + 'or in the server’s log, first.',
    told: 'send.uncertain', again: 'Send again all the same',
  },
  canceled: {
    word: 'Canceled', tone: 'plain', shape: 'dash',
    sentence: 'Canceled', meaning: 'It is not sent any more. Whoever had got it by then keeps it.', again: 'Send after all',
  },
  expired: {
    word: 'Expired', tone: 'bad', shape: 'hourglass',
    sentence: 'Not sent in time', meaning: 'Nobody got it, and its time is over.', again: 'Send again',
  },
};

/** Will go out when they are due, and can be canceled. */
export const WAITING = ['queued', 'scheduled', 'retrying'];

/** Something happens by itself. */
export const UNDER_WAY = [...WAITING, 'sending'];

/** Somebody has to look. */
export const TROUBLED = ['uncertain', 'failed', 'partial', 'expired'];

export const ALL = Object.keys(STATES);

/** What is known of a state, also of one that this page does not know. */
export const stateOf = (status) => STATES[status]
  ?? { word: status, tone: 'plain', shape: 'plain', sentence: status, meaning: '' };

/** The state as a badge: a shape and a word. */
export function stateBadge(status) {
  const { word, tone, shape } = stateOf(status);
  return el('span', { class: 'badge', 'data-tone': tone, 'data-status': status }, mark(shape), word);
}
