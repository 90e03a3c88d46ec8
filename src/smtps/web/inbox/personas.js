// The sandbox's personas: mail servers that misbehave on request.

import { byId, el, put } from '../shared/dom.js';

/** @type {any} */
let box = null;

/** Whether a server is one of the sandbox's. */
export const isSandbox = ({ host, port }) => Boolean(box?.personas.some((persona) => persona.port === port
  && (persona.host === host || host === 'localhost')));

function describe() {
  const { summary, finding } = chosen();
  put('persona-summary', `${summary.charAt(0).toUpperCase()}${summary.slice(1)}. `,
    finding && ['Leads to ', el('code', {}, finding), '.']);
}

const chosen = () => box.personas.find(({ name }) => name === byId('personas').value);

/** Show the menu. `onTry(fields, persona)` is called with what goes into the form. */
export function startPersonas(sandbox, onTry) {
  box = sandbox;
  put('personas', box.personas.map(({ name }) => el('option', { value: name }, name)));
  byId('personas').addEventListener('change', describe);
  byId('persona-try').addEventListener('click', () => {
    const { host, port, security, shown_by: by } = chosen();
    const { username, password } = box;
    onTry({ provider: '', host, port, security, username, password, deep: by === 'deep', oauth: by === 'token' }, chosen());
  });
  describe();
  byId('sandbox').hidden = false;
}
