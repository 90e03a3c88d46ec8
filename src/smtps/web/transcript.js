// The dialogue with the server. The service has taken all secrets out of it.

import { copyButton, el } from './dom.js';
import { count } from './words.js';

const SPEAKERS = { '>': 'client', '<': 'server', '*': 'remark' };

export function transcriptBlock(entries, of) {
  const text = el('pre', { class: 'text', tabindex: 0, role: 'group', 'aria-label': 'Transcript' },
    entries.map(({ at, direction, text: line }) => el('span', { class: SPEAKERS[direction] },
      el('span', { class: 'time' }, `${at.toFixed(0).padStart(6)} `), `${direction} ${line}\n`)));
  return el('details', {},
    el('summary', {}, `Transcript${of ? `, ${of}` : ''}, ${count(entries.length, 'line')}`),
    el('div', { class: 'block' },
      el('div', { class: 'heading' },
        el('p', { class: 'hint' }, 'Milliseconds, > from here, < from the server. Holds no password.'),
        copyButton(text, 'the transcript')),
      text));
}
