// The accounts of the outbox: how each stands, and what to do for those that cannot send just now.

import { badge, button, byId, el, focusIn, instruction, list, mark, put } from '../shared/dom.js';
import { until } from '../shared/until.js';
import { count } from '../shared/words.js';

const STANDINGS = {
  stopped: ['bad', 'Stopped', 'bad', 'is stopped'],
  waiting: ['warning', 'Waiting', 'clock', 'is waiting for its server'],
  ok: ['plain', 'Waiting', 'clock', 'has reached its sending limit for now'],
};
const READY = ['good', 'Ready', 'good', 'is ready'];

/** When a message goes on: it waits for its account as well. */
export function dueOf({ account: through, next_attempt_at: next }, accounts) {
  const account = accounts.find(({ account: name }) => name === through);
  return [next, account?.next_attempt_at].filter(Boolean).sort().at(-1);
}

/** Whether an account does not send for now. */
export const held = ({ status, next_attempt_at: next }) => status !== 'ok' || Boolean(next);

/** Those that need somebody first. */
const ORDER = ['stopped', 'waiting', 'ok'];
const byNeed = (one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status)
  || Number(held(other)) - Number(held(one));

/** All accounts in one sentence: the worst by name. */
export function summary(accounts) {
  const [worst] = [...accounts].filter(held).sort(byNeed);
  if (!worst) return { tone: 'good', text: `${count(accounts.length, 'account')} ready` };
  const [tone, , , sentence] = STANDINGS[worst.status] ?? STANDINGS.waiting;
  return { tone, text: `${worst.account} ${sentence}` };
}

function card(account, onResume, level) {
  const { account: name, status, code, reason, meaning, advice, next_attempt_at: next } = account;
  const [tone, word, shape, sentence] = held(account) ? STANDINGS[status] ?? STANDINGS.waiting : READY;
  if (tone === 'good') return el('li', { 'data-account': name }, el('b', { class: 'cut', title: name }, name), badge(word, tone, shape));
  const again = status !== 'ok' && button('Resume now', () => onResume(name),
    { 'data-resume': name, 'aria-label': `Resume now: ${name}`, class: 'button little' });
  return el('li', { class: 'held', 'data-tone': tone, 'data-account': name },
    el(level, {}, `${name} ${sentence}`), badge(word, tone, shape),
    list([
      ['Why', meaning],
      ['What to do', advice && instruction(advice)],
      ['Seen', reason && el('code', { class: 'seen' }, reason)],
      ['Automatically', next && [status === 'ok' ? 'Resumes ' : 'Tries again ', until(next), '.']],
    ], { class: 'rows' }),
    el('div', { class: 'need' }, code && el('code', {}, code), again));
}

const shown = new Map(); // place → what it shows

function draw(place, accounts, onResume, level, label) {
  const now = JSON.stringify(accounts);
  if (now === shown.get(place)) return;
  shown.set(place, now);
  const focused = focusIn(`#${place} [data-resume]`)?.dataset.resume;
  put(place, accounts.length > 0 && el('ul', { class: 'accounts', 'aria-label': label },
    accounts.map((account) => card(account, onResume, level))));
  if (focused) (byId(place).querySelector(`[data-resume="${CSS.escape(focused)}"]`) ?? byId('outbox-title')).focus();
}

/** Put all accounts, those first that need somebody; `onResume(account)` lets one send again. */
export function showAccounts(place, accounts, onResume) {
  const { tone, text } = summary(accounts);
  draw(place, [...accounts].sort(byNeed), onResume, 'h3', 'Accounts');
  byId('accounts-line').replaceChildren(el('b', {}, 'Accounts'), badge(text, tone), mark('chevron'));
}

/** Put the account of a message, if it is the reason why that waits. */
export function showHeld(place, accounts, onResume) {
  draw(place, accounts.filter(held), onResume, 'h2', 'Account');
  byId(place).hidden = !byId(place).firstChild;
}
