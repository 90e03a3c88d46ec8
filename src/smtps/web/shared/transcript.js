// The dialogue with the server. The service has taken all secrets out of it.

import { copyButton, el } from './dom.js';

const SPEAKERS = { '>': 'client', '<': 'server', '*': 'remark' };

function dialogue(lines, hint) {
  const text = el('pre', { class: 'text', tabindex: 0, role: 'group', 'aria-label': 'Transcript' }, lines);
  return el('div', { class: 'block' },
    el('div', { class: 'heading' }, el('p', { class: 'hint' }, hint), copyButton(text, 'the transcript')),
    text);
}

export function transcriptOf(entries) {
  const lines = entries.map(({ at, direction, text: line }) => el('span', { class: SPEAKERS[direction] },
    el('span', { class: 'time' }, `${at.toFixed(0).padStart(6)} `), `${direction} ${line}\n`));
  return dialogue(lines, 'Milliseconds, > from here, < from the server. Contains no password.');
}

/** The same for lines that have no times. */
export const linesBlock = (lines) => dialogue(
  lines.map((line) => el('span', { class: SPEAKERS[line[0]] }, `${line}\n`)),
  '> from here, < from the server, * a remark. Only lines that concern this message.');
