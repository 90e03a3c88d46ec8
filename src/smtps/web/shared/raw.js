// A message as it is, in a window of its own.

import { blob } from './api.js';
import { el } from './dom.js';
import { authorization } from './token.js';

async function openGuarded(event, path) {
  if (!authorization().Authorization) return; // the link does it
  event.preventDefault();
  const url = URL.createObjectURL(await blob(path));
  open(url, '_blank', 'noopener');
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A link that takes the token along where one is wanted. */
export const rawLink = (path, text) => el('a', {
  href: path, target: '_blank', rel: 'noopener', onclick: (event) => openGuarded(event, path),
}, text);
