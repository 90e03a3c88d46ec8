// The service's API token: asked for when it is wanted, kept until the tab is closed.

import { byId } from './dom.js';
import { setProblem } from './fields.js';

const KEY = 'smtps-token';
let current = '';
try {
  current = sessionStorage.getItem(KEY) ?? '';
} catch {
  // Storage is switched off: the token lives as long as the page.
}

/**
 * The header that carries the token, if there is one.
 * @returns {Record<string, string>}
 */
export const authorization = () => (current ? { Authorization: `Bearer ${current}` } : {});

export function setToken(token) {
  current = token;
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // As above.
  }
}

/** @type {Promise<boolean> | null} */
let asking = null;

/** Ask for a token. Resolves to whether one was given; those who ask at the same time share it. */
export function askForToken() {
  asking ??= ask().finally(() => { asking = null; });
  return asking;
}

function ask() {
  const [dialog, input] = [byId('token-dialog'), byId('token')];
  input.value = '';
  setProblem(input, current ? 'The service did not accept this token.' : '');
  dialog.showModal();
  return new Promise((resolve) => {
    const done = new AbortController();
    const finish = (given) => {
      done.abort();
      dialog.close();
      if (given) setToken(input.value.trim());
      input.value = '';
      resolve(given);
    };
    byId('token-form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (input.value.trim()) finish(true);
      else setProblem(input, 'Enter the token, or cancel.');
    }, done);
    byId('token-cancel').addEventListener('click', () => finish(false), done);
    dialog.addEventListener('cancel', () => finish(false), done);
  });
}
