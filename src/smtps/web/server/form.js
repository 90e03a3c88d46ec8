// Which server, and who to be there: a form, or one line when that is known.

import { announce, byId, el, elements, mark, put } from '../shared/dom.js';
import { blame, clearProblems, forgive, setProblem } from '../shared/fields.js';
import { encryption } from '../shared/words.js';
import { personaNamed, settingsFor } from '../shared/sandbox.js';
import { noteProvider, providerOf } from './providers.js';
import { parseTarget, securityOf } from './target.js';

export const form = byId('account');

/** The service's names for the fields, and their ids here. */
export const INPUTS = {
  host: 'host', port: 'port', security: 'security', username: 'username', password: 'password',
  access_token: 'password', timeout: 'timeout', ehlo_name: 'ehlo-name',
};

const value = (id) => byId(id).value.trim();
const number = (id) => (/^\d+$/.test(value(id)) ? Number(value(id)) : NaN);

/** The user name that an address has filled in: another address replaces it. */
let filledIn = '';

/** What is wrong with each field, before the service is asked. */
function* mistakes() {
  const [port, seconds] = [number('port'), number('timeout')];
  const { problem } = parseTarget(value('host'));
  if (!value('host')) yield ['host', 'Enter a server, such as smtp.example.com, or an e-mail address.'];
  if (problem) yield ['host', problem];
  if (value('port') && !(port >= 1 && port <= 65535)) yield ['port', 'From 1 to 65535.'];
  if (!(seconds >= 1 && seconds <= 300)) yield ['timeout', 'From 1 to 300.'];
  if (byId('password').value && !value('username')) yield ['username', 'Enter the user name as well, or leave the password empty.'];
}

/** The server that the fields mean: of the provider where they name one or an address of it. */
function placeOf() {
  const target = parseTarget(value('host'));
  const provider = providerOf(value('host'));
  const port = number('port');
  if (provider) return { host: provider.host, port: port || provider.port, security: port ? value('security') : provider.security };
  if (target.address) return { host: target.address };
  const chosen = target.port ?? (port || 465);
  return { host: target.host ?? '', port: chosen, security: target.port ? target.security : value('security') };
}

/** The fields as the service takes them, or null when one is wrong; then it says so beside it. */
export function readAccount() {
  clearProblems(form);
  const found = [...mistakes()];
  if (found.length) openForm();
  if (blame(found)) return null;
  const secret = byId('oauth').checked ? 'access_token' : 'password';
  const password = byId('password').value;
  return {
    ...placeOf(),
    ...(password && { username: value('username'), [secret]: password }),
    ...(value('ehlo-name') && { ehlo_name: value('ehlo-name') }),
  };
}

/** What of the account may stand in the page's address. */
export function openPart({ host, port, security }) {
  return { host, port, security: port && security === securityOf(port) ? '' : security, username: value('username') };
}

/** How far a check goes. */
export const depth = () => ({ deep: byId('deep').checked });

/** Milliseconds for everything together. */
export const patience = () => number('timeout') * 1000;

/** Whether there is a server to ask. */
export const hasServer = () => Boolean(value('host')) && !parseTarget(value('host')).problem;

export const server = () => placeOf();

/** Fill in what is given ({host, port, security, username, password}), and leave the rest. */
export function fill(fields) {
  for (const [name, text] of Object.entries(fields)) {
    if (typeof text === 'boolean') byId(name).checked = text;
    else if (text !== undefined && text !== null) byId(name).value = text;
  }
  if (fields.port && !fields.security) byId('security').value = securityOf(Number(fields.port));
  clearProblems(form);
  settle();
  byId('host').dispatchEvent(new Event('change', { bubbles: true }));
}

function hint() {
  const port = number('port');
  const odd = [25, 465, 587, 2525, 2587].includes(port) && securityOf(port) !== value('security');
  byId('security-hint').textContent = !odd ? '' : port === 465
    ? 'Port 465 usually requires TLS from the start.' : `Port ${port} usually requires STARTTLS.`;
}

/** Take apart what was typed as a host. */
function spread() {
  const persona = personaNamed(value('host'));
  if (persona) {
    fill(settingsFor(persona));
    return;
  }
  const { host, port, security, username, problem, address } = parseTarget(value('host'));
  setProblem(byId('host'), problem ?? '');
  if (problem) return;
  const provider = providerOf(value('host'));
  noteProvider(provider);
  if (username && [filledIn, ''].includes(value('username'))) {
    byId('username').value = username;
    filledIn = username;
  }
  if (provider) {
    byId('port').value = String(provider.port);
    byId('security').value = provider.security;
  } else if (address) {
    byId('port').value = ''; // found together with the host
  } else if (port) {
    byId('host').value = host ?? '';
    byId('port').value = String(port);
    byId('security').value = security ?? securityOf(port);
  } else if (!byId('port').value) {
    byId('port').value = '465';
    byId('security').value = 'implicit';
  }
  byId('port').placeholder = address && !provider ? 'looked up' : '';
  hint();
}

// The line

const facts = () => {
  const { host, port, security } = placeOf();
  const login = byId('password').value ? '' : 'without login';
  const name = value('username');
  return [
    port ? `${host.includes(':') ? `[${host}]` : host}:${port}` : host, name,
    security ? encryption(security) : '', login,
  ].filter(Boolean);
};

function writeLine() {
  put('server-summary', facts().map((fact, at) => el(at ? 'span' : 'code', { title: fact }, fact)));
}

/** @type {{label: string, again: string, heading: string, act: () => void}} */
let use = { label: 'Check', again: 'Check again', heading: 'Check a server', act: () => {} };

/** What the form is for in a view: its button, the line's button, its heading, what both do. */
export function useForm(next) {
  use = next;
  byId('server').hidden = false;
  byId('paste').hidden = true;
  byId('check').textContent = use.label;
  put('server-again', mark('turn'), el('span', { class: 'label' }, use.again));
  byId('server-again').hidden = !use.again;
  byId('server-title').textContent = use.heading;
}

/** The view has no server: neither form nor line. */
export function hideForm() {
  byId('server').hidden = byId('paste').hidden = true;
}

const wide = matchMedia('(min-width: 48rem)');

/** Show the form; `whole` says that there is no line to go back to. */
export function openForm({ whole = false } = {}) {
  byId('account').hidden = false;
  byId('server-line').hidden = true;
  byId('server-cancel').hidden = whole;
  byId('server-login').open = wide.matches || Boolean(value('username'));
}

/** Fold the form to its line; `strong` makes the line's button the view's main one. */
export function foldForm({ strong = false } = {}) {
  writeLine();
  byId('account').hidden = true;
  byId('server-line').hidden = false;
  byId('server-again').classList.toggle('primary', strong);
}

/** Forget the password, and everything else that was typed. */
export function resetForm() {
  form.reset();
  filledIn = '';
  noteProvider(undefined);
  settle();
}

byId('port').addEventListener('input', () => {
  byId('security').value = securityOf(number('port'));
  hint();
});
byId('security').addEventListener('change', hint);
byId('host').addEventListener('change', spread);
byId('host').addEventListener('input', () => noteProvider(providerOf(value('host'))));
byId('password-show').addEventListener('click', () => {
  const show = byId('password').type === 'password';
  byId('password').type = show ? 'text' : 'password';
  byId('password-show').ariaPressed = String(show);
});
byId('server-edit').addEventListener('click', () => {
  openForm();
  byId('host').focus();
});
byId('server-cancel').addEventListener('click', () => {
  clearProblems(form);
  foldForm();
  byId('server-edit').focus();
});
byId('server-again').addEventListener('click', () => use.act());
form.addEventListener('submit', (event) => {
  event.preventDefault();
  spread();
  use.act();
});
forgive(form);

/** Once the fields are filled from what was kept. */
export function settle() {
  hint();
  noteProvider(providerOf(value('host')));
  if (elements('[aria-invalid]', form).length) announce('');
}
