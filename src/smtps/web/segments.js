// A choice of one among few, as radio buttons side by side.

import { el } from './dom.js';

let groups = 0;

/** `options` are [value, text]; `onPick(value)` runs at once for the first, then at each change. */
export function segments(label, options, onPick) {
  groups += 1;
  const name = `segments-${groups}`;
  const buttons = options.map(([value, text], at) => el('label', {},
    el('input', { type: 'radio', name, value, checked: at === 0, onchange: () => onPick(value) }), text));
  onPick(options[0][0]);
  return el('fieldset', { class: 'segments' }, el('legend', { class: 'unseen' }, label), buttons);
}
