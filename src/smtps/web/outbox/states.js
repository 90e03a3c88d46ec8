// What may become of a message in the outbox: in a word, a tone and a shape, and in a sentence.
// `told` is the failure that the meaning explains already, `again` what sending it once more is called.

import { el, mark } from '../shared/dom.js';

const STATES = {
  queued: {
    word: 'Queued', tone: 'plain', shape: 'plain',
    sentence: 'Waiting to be sent', meaning: 'It is sent automatically.',
  },
  scheduled: {
    word: 'Scheduled', tone: 'plain', shape: 'clock',
    sentence: 'Waiting for its scheduled time', meaning: 'It is sent automatically.',
  },
  sending: {
    word: 'Sending', tone: 'busy', shape: 'arrow',
    sentence: 'Being sent', meaning: 'It is being transmitted to the server.',
  },
  retrying: {
    word: 'Retrying', tone: 'warning', shape: 'turn',
    sentence: 'Not sent yet', meaning: 'It is retried automatically.',
  },
  sent: {
    word: 'Sent', tone: 'good', shape: 'good',
    sentence: 'Sent', meaning: 'The server has accepted the message and is now responsible for delivering it or reporting a failure.',
  },
  partial: {
    word: 'Partly sent', tone: 'warning', shape: 'warning',
    sentence: 'Sent, but not to all', meaning: 'The others have not received it.', again: 'Send to the others again',
  },
  failed: {
    word: 'Failed', tone: 'bad', shape: 'bad',
    sentence: 'Not sent', meaning: 'No one received it, and it is not retried automatically.', again: 'Send again',
  },
  uncertain: {
    word: 'Uncertain', tone: 'warning', shape: 'question',
    sentence: 'Delivery unknown',
    meaning: 'It may have been delivered, and sending it again may deliver it twice. Check the recipient’s mailbox '
      + 'or the server’s log first.',
    told: 'send.uncertain', again: 'Send again anyway',
  },
  canceled: {
    word: 'Canceled', tone: 'plain', shape: 'dash',
    sentence: 'Canceled', meaning: 'It will not be sent. Recipients who had already received it keep it.', again: 'Send it anyway',
  },
  expired: {
    word: 'Expired', tone: 'bad', shape: 'hourglass',
    sentence: 'Not sent in time', meaning: 'No one received it, and its time limit has passed.', again: 'Send again',
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
