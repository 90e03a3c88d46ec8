// A server for what was entered: an address leads to one by a look-up.

import { request } from '../shared/api.js';
import { setProblem } from '../shared/fields.js';
import { byId } from '../shared/dom.js';
import { openForm } from './form.js';

/** The account with a host and a port; null, with the reason beside its field, where none is found. */
export async function located(account) {
  if (!account.host.includes('@')) return account;
  const address = account.host.startsWith('@') ? `postmaster${account.host}` : account.host;
  const { servers: [found] } = await request(`/api/smtps/discover?${new URLSearchParams({ address })}`);
  if (found) return { ...account, ...found };
  openForm();
  setProblem(byId('host'), 'No server was found for this address: enter the server itself.');
  byId('host').focus();
  return null;
}
