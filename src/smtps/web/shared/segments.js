// A choice of one among few, as radio buttons side by side.

import { el } from './dom.js';

let groups = 0;

/** `onPick(name)` runs at once for the first of the names, then at each change. */
export function segments(label, names, onPick) {
  groups += 1;
  const group = `segments-${groups}`;
  const buttons = names.map((name, at) => el('label', {},
    el('input', { type: 'radio', name: group, value: name, checked: at === 0, onchange: () => onPick(name) }), name));
  onPick(names[0]);
  return el('fieldset', { class: 'segments' }, el('legend', { class: 'unseen' }, label), buttons);
}
