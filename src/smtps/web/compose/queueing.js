// What it takes to leave a message with the outbox: an account, a time, and a key against doubles.

import { byId, el } from '../shared/dom.js';
import { blame } from '../shared/fields.js';

/** The service's names for the fields, and their ids here. */
export const QUEUE_FIELDS = { account: 'queue-through', send_at: 'queue-at', envelope: 'compose-from' };

/** The terms as the service takes them, or null when the account is missing. */
export function readQueue() {
  const account = byId('queue-through').value;
  if (blame(account ? [] : [['queue-through', 'Choose an account.']])) return null;
  const at = byId('queue-at').value;
  return {
    account,
    partial: byId('compose-partial').value, // said in any case: the service's default is another one here
    ...(at && { send_at: new Date(at).toISOString() }),
  };
}

/** @type {{text: string | null, key: string}} */
let last = { text: null, key: '' };

/** The key of what is filled in: the same as long as nothing is changed. */
export function keyOf(body) {
  const text = JSON.stringify(body);
  if (text !== last.text) last = { text, key: fresh() };
  return last.key;
}

/** The message is with the outbox: the next one is another, even if it reads the same. */
export function settleKey() {
  last = { text: null, key: '' };
}

// Not randomUUID, which is there with HTTPS only.
const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((octet) => octet.toString(16).padStart(2, '0')).join('');

/** Fill a menu with the accounts, and leave what is chosen. */
export function accountMenu(id, first, accounts) {
  const menu = byId(id);
  const chosen = menu.value;
  menu.replaceChildren(el('option', { value: '' }, first), ...accounts.map(({ account, status }) =>
    el('option', { value: account }, status === 'ok' ? account : `${account} (${status})`)));
  menu.value = accounts.some(({ account }) => account === chosen) ? chosen : '';
}

/** Offer the accounts, if there are any. */
export function offerQueue(accounts) {
  accountMenu('queue-through', 'Choose one', accounts);
  if (accounts.length === 1) byId('queue-through').value = accounts[0].account;
  byId('way-queue-row').hidden = !accounts.length;
}
