// Which messages of the outbox the list shows, as the page's address says it.

import { ALL, TROUBLED, UNDER_WAY } from './states.js';

export const LIMIT = 25;

/** @type {[key: string, word: string, states: string[]][]} */
export const GROUPS = [
  ['', 'All', []], ['waiting', 'Waiting', UNDER_WAY], ['problems', 'Problems', TROUBLED], ['sent', 'Sent', ['sent']],
];

/** The states of a filter: a group, or a state by its name; none means all. */
export function statesOf(key = '') {
  const group = GROUPS.find(([name]) => name === key);
  if (group) return group[2];
  return ALL.includes(key) ? [key] : [];
}

/** The query of the request for a page. */
export function question({ status = '', account = '', cursor = '' }) {
  const query = new URLSearchParams({ limit: String(LIMIT) });
  for (const state of statesOf(status)) query.append('status', state);
  if (account) query.set('account', account);
  if (cursor) query.set('cursor', cursor);
  return query.toString();
}
