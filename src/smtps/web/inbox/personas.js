// The sandbox's personas: mail servers that misbehave on request.

import { byId, el, put } from '../shared/dom.js';

/** @type {any} */
let box = null;

/** Whether a server is one of the sandbox's. */
export const isSandbox = ({ host, port }) => Boolean(box?.personas.some((persona) => persona.port === port
  && (persona.host === host || host === 'localhost')));

function describe() {
  const { summary, finding, shown_by: by, accounts_file: accounts } = chosen();
  const account = by.startsWith('account');
  const command = `SMTPS_ACCOUNTS=${accounts} smtps login --account sandbox`;
  put('persona-summary', `${summary.charAt(0).toUpperCase()}${summary.slice(1)}. `,
    finding && ['Leads to ', el('code', {}, finding), '. '],
    account && ['In a shell: ', el('code', {}, command)]);
  byId('persona-try').disabled = account;
}

const chosen = () => box.personas.find(({ name }) => name === byId('personas').value);

/** Show the menu. `onTry(fields, persona)` is called with what goes into the form. */
export function startPersonas(sandbox, onTry) {
  box = sandbox;
  put('personas', box.personas.map(({ name }) => el('option', { value: name }, name)));
  byId('personas').addEventListener('change', describe);
  byId('persona-try').addEventListener('click', () => {
    const { host, port, security, shown_by: by, access_token: token } = chosen();
    const { username } = box;
    const oauth = by === 'token';
    const password = oauth ? token : box.password;
    onTry({ provider: '', host, port, security, username, password, deep: by === 'deep', oauth }, chosen());
  });
  describe();
  byId('sandbox').hidden = false;
}
