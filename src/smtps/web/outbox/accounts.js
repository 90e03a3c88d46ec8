// The accounts of the outbox that cannot send just now: why, and what to do.

import { badge, button, byId, el, focusIn, instruction, list, put } from '../shared/dom.js';
import { until } from '../shared/until.js';

const STANDINGS = {
  stopped: ['bad', 'Stopped', 'is stopped'],
  waiting: ['warning', 'Waiting', 'is waiting for its server'],
  ok: ['plain', 'Waiting', 'has reached its sending limit for now'],
};

/** When a message goes on: it waits for its account as well. */
export function dueOf({ account: through, next_attempt_at: next }, accounts) {
  const account = accounts.find(({ account: name }) => name === through);
  return [next, account?.next_attempt_at].filter(Boolean).sort().at(-1);
}

/** Whether an account does not send for now. */
const held = ({ status, next_attempt_at: next }) => status !== 'ok' || next;

function card({ account, status, code, reason, meaning, advice, next_attempt_at: next }, onResume) {
  const [tone, word, sentence] = STANDINGS[status];
  const again = status !== 'ok' && button('Resume now', () => onResume(account),
    { 'data-resume': account, 'aria-label': `Resume now: ${account}` });
  return el('li', { class: 'finding', 'data-tone': tone, 'data-account': account },
    el('h3', {}, `${account} ${sentence}`),
    list([
      ['Why', meaning],
      ['What to do', advice && instruction(advice)],
      ['Seen', reason && el('code', { class: 'seen' }, reason)],
      ['Automatically', next && [status === 'ok' ? 'Resumes ' : 'Tries again ', until(next), '.']],
    ], {}),
    el('div', { class: 'foot' }, again, badge(word, tone), code && el('code', {}, code)));
}

const shown = new Map(); // place → what it shows

/** Put a card for each account that is stopped or waits; `onResume(account)` lets it send again. */
export function showAccounts(place, accounts, onResume) {
  const waiting = accounts.filter(held);
  const now = JSON.stringify(waiting);
  if (now === shown.get(place)) return;
  shown.set(place, now);
  const focused = focusIn(`#${place} [data-resume]`)?.dataset.resume;
  put(place, waiting.length > 0 && el('ul', { class: 'findings', 'aria-label': 'Accounts that are not sending' },
    waiting.map((account) => card(account, onResume))));
  if (focused) (byId(place).querySelector(`[data-resume="${focused}"]`) ?? byId('tab-outbox')).focus();
}
