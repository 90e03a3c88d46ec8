// A message as it is: its source, shown or saved as a file that mail programs open.

import { blob, Problem } from './api.js';
import { alarm, el } from './dom.js';
import { fileName, save, shareButton } from './share.js';
import { octets } from './words.js';

const SHOWN = 256 * 1024; // octets of a message that are shown here

async function saveAs(path, subject) {
  try {
    const text = await blob(path);
    save(new Blob([text], { type: 'message/rfc822' }), fileName(subject, 'eml'));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    alarm(error.message);
  }
}

/** A button in a list that saves the message as a file. */
export const saveButton = (path, subject) => shareButton('save', 'Save .eml', () => saveAs(path, subject));

/** What a message's source looks like, as an element that is filled when the source has come. */
export function source(path, size) {
  const place = el('pre', { class: 'text', tabindex: 0, role: 'group', 'aria-label': 'Source' }, '…');
  blob(path).then(async (found) => {
    const text = await found.slice(0, SHOWN).text();
    place.textContent = size > SHOWN ? `${text}\n… ${octets(size - SHOWN)} more: save the message to see all of it.` : text;
  }).catch((error) => {
    place.textContent = '';
    alarm(error.message);
  });
  return place;
}

/** The source under a line that opens it. */
export function sourceBlock(path, size) {
  const place = el('div');
  const load = ({ currentTarget: { open } }) => {
    if (open && !place.firstChild) place.replaceChildren(source(path, size));
  };
  return el('details', { class: 'more', ontoggle: load }, el('summary', {}, `Source, ${octets(size)}`), place);
}

export { saveAs };
