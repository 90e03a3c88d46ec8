// Webhook notices that were not delivered: how many, and on request which and why.

import { Problem, request } from '../shared/api.js';
import { alarm, badge, byId, el, put } from '../shared/dom.js';
import { count, moment } from '../shared/words.js';

/** @type {[status: string, word: string, tone: string][]} */
const KINDS = [['undelivered', 'given up', 'bad'], ['pending', 'retrying', 'warning']];

function row({ message, account, event, last_attempt_at: last, failure }, onShow) {
  return el('li', {}, el('button', { type: 'button', onclick: () => onShow(message) },
    el('span', { class: 'subject cut' }, event),
    el('span', { class: 'when' }, moment(last)),
    el('span', { class: 'who' }, `${account}: ${failure?.message ?? ''}`)));
}

async function load({ currentTarget }, status, place, onShow) {
  if (!currentTarget.open) return;
  try {
    const { notices } = await request(`/api/smtps/notices?${new URLSearchParams({ status })}`);
    place.replaceChildren(el('ul', { class: 'mails', 'aria-label': 'Notices' },
      notices.map((notice) => row(notice, onShow))));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    alarm(error.message);
  }
}

function block([status, word, tone], accounts, onShow) {
  const number = accounts.reduce((sum, { notices }) => sum + notices[status], 0);
  if (!number) return null;
  const place = el('div');
  return el('details', { class: 'card notices', 'data-notices': status, ontoggle: (event) => load(event, status, place, onShow) },
    el('summary', {}, `${count(number, 'webhook notice')} `, badge(word, tone)), place);
}

/** Say how many notices were not delivered; `onShow(id)` shows the message of one. */
export function showNotices(place, accounts, onShow) {
  const now = JSON.stringify(accounts.map(({ account, notices }) => [account, notices]));
  if (now === byId(place).dataset.shown) return;
  byId(place).dataset.shown = now;
  put(place, KINDS.map((kind) => block(kind, accounts, onShow)));
}
