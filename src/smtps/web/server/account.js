// The form on the left: which server, and who to be there.

import { byId } from '../shared/dom.js';
import { blame, clearProblems, forgive } from '../shared/fields.js';

export const form = byId('account');

/** The service's names for the fields, and their ids here. */
export const INPUTS = {
  host: 'host', port: 'port', security: 'security', username: 'username', password: 'password',
  access_token: 'password', timeout: 'timeout', ehlo_name: 'ehlo-name',
};

const USUAL = { 465: 'implicit', 587: 'starttls', 25: 'starttls', 2525: 'starttls', 2587: 'starttls' };

const value = (id) => byId(id).value.trim();
const number = (id) => (/^\d+$/.test(value(id)) ? Number(value(id)) : NaN);

/** What is wrong with each field, before the service is asked. */
function* mistakes() {
  const [port, seconds] = [number('port'), number('timeout')];
  if (!value('host')) yield ['host', 'Enter the server’s name, such as smtp.example.com.'];
  if (!(port >= 1 && port <= 65535)) yield ['port', 'From 1 to 65535.'];
  if (!(seconds >= 1 && seconds <= 300)) yield ['timeout', 'From 1 to 300.'];
  if (value('username') && !byId('password').value) yield ['password', 'Enter the password as well, or leave both empty.'];
  if (!value('username') && byId('password').value) yield ['username', 'Enter the user name as well, or leave both empty.'];
}

/** The fields as the service takes them, or null when one is wrong; then it says so beside it. */
export function readAccount() {
  clearProblems(form);
  if (blame([...mistakes()])) return null;
  const secret = byId('oauth').checked ? 'access_token' : 'password';
  return {
    host: value('host'),
    port: number('port'),
    security: value('security'),
    ...(value('username') && { username: value('username'), [secret]: byId('password').value }),
    ...(value('ehlo-name') && { ehlo_name: value('ehlo-name') }),
  };
}

/** How far a check goes. */
export const depth = () => ({ deep: byId('deep').checked });

/** Milliseconds for everything together. */
export const patience = () => number('timeout') * 1000;

/** The host alone, for comparing its ports; null when there is none. */
export function readHost() {
  clearProblems(form);
  return blame([...mistakes()].filter(([id]) => id === 'host')) ? null : value('host');
}

/** Fill in what is given ({host, port, security, username, password}), and leave the rest. */
export function fill(fields) {
  for (const [name, text] of Object.entries(fields)) {
    if (typeof text === 'boolean') byId(name).checked = text;
    else byId(name).value = text;
  }
  clearProblems(form);
  hint();
  byId('host').dispatchEvent(new Event('change', { bubbles: true }));
}

function hint() {
  const usual = USUAL[number('port')];
  const odd = usual && usual !== value('security');
  byId('security-hint').textContent = !odd ? '' : usual === 'implicit'
    ? 'Port 465 usually requires TLS from the first byte.'
    : `Port ${value('port')} usually requires STARTTLS.`;
}

byId('port').addEventListener('input', () => {
  byId('security').value = USUAL[number('port')] ?? 'implicit';
  hint();
});
byId('security').addEventListener('change', hint);

byId('password-show').addEventListener('click', () => {
  const show = byId('password').type === 'password';
  byId('password').type = show ? 'text' : 'password';
  byId('password-show').ariaPressed = String(show);
});

forgive(form);

/** Once the fields are filled from what was kept. */
export const settle = hint;
