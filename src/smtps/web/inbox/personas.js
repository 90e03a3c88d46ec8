// The sandbox's servers, in groups and with a search: each shows one fault, on request.

import { byId, copyButton, el, mark, put } from '../shared/dom.js';
import { go } from '../shared/router.js';
import { grouped, sandbox, settingsFor } from '../shared/sandbox.js';
import { fill } from '../server/form.js';
import { startCheck } from '../check/check.js';

/** Show a persona's failure: by a check, or by a message where it takes one. */
export async function tryIt(persona) {
  const fields = settingsFor(persona);
  const sends = persona.finding?.startsWith('send.') || persona.shown_by === 'send';
  if (!sends) {
    if (location.hash !== '#/check') await go('check', [], {}, { replace: false });
    fill(fields);
    startCheck();
    return;
  }
  fill(fields);
  const sample = { from: fields.username, to: 'bob@example.org', subject: `To ${persona.name}`, text: 'Does it arrive?' };
  for (const [field, text] of Object.entries(sample)) byId(`compose-${field}`).value ||= text;
  const { send } = await import('../compose/compose.js');
  await go('send');
  send();
}

/** Those with a login of their own are tried in a shell. */
function inShell({ name, shown_by: by, accounts_file: accounts }) {
  if (!by.startsWith('account')) return null;
  const text = el('code', { class: 'unseen' }, `SMTPS_ACCOUNTS=${accounts} smtps login --account sandbox`);
  return el('span', {}, text, copyButton(text, `the command for ${name}`));
}

const row = (persona) => el('li', { 'data-persona': persona.name },
  el('code', {}, persona.name),
  el('span', {}, persona.summary, persona.finding && [' ', el('code', { class: 'soft' }, persona.finding)]),
  inShell(persona) ?? el('button', { type: 'button', class: 'button little', 'aria-label': `Try ${persona.name}`, onclick: () => tryIt(persona) }, 'Try'));

/** Show those that a search finds; groups are open while there is one. */
export function showPersonas(search = '') {
  const groups = grouped(sandbox().personas, search);
  const opened = new Set([...document.querySelectorAll('#personas details[open]')].map((group) => /** @type {HTMLElement} */ (group).dataset.group));
  put('personas', [...groups].map(([name, personas], at) => el('details', {
    class: 'group', 'data-group': name, open: Boolean(search) || opened.has(name) || (at === 0 && !opened.size),
  },
  el('summary', {}, mark('chevron'), name, ' ', el('span', { class: 'num' }, String(personas.length))),
  el('ul', { class: 'personas' }, personas.map(row)))));
  byId('personas').hidden = !groups.size;
  byId('personas-none').hidden = groups.size > 0;
}
