// What was held back of a message's HTML, in a sentence.

import { count } from '../shared/words.js';

/** @type {Record<string, [one: string, many: string]>} */
const KINDS = {
  image: ['image', 'images'], script: ['script', 'scripts'], stylesheet: ['stylesheet', 'stylesheets'],
  media: ['sound or video', 'sounds or videos'], frame: ['frame', 'frames'], object: ['object', 'objects'],
  form: ['form', 'forms'],
};

/**
 * Such as “Held back: 2 images, 1 script. Nothing was fetched.”; empty where there is nothing.
 * @param {{kind: string, source: string}[]} entries
 */
export function heldBack(entries) {
  const numbers = new Map();
  for (const { kind } of entries) numbers.set(kind, (numbers.get(kind) ?? 0) + 1);
  const parts = [...numbers].map(([kind, number]) => count(number, ...(KINDS[kind] ?? [kind, kind])));
  return parts.length ? `Held back: ${parts.join(', ')}. Nothing was fetched.` : '';
}
