// What the server says it can do, and what that means in a few words.

import { el } from '../shared/dom.js';
import { capability, mechanism } from '../labels.js';
import { octets, sentence } from '../shared/words.js';

function login(mechanisms) {
  const known = [...new Set(mechanisms.map((name) => mechanism[name]).filter(Boolean))];
  return known.length ? `accepts logins with ${known.join(', ')}` : 'accepts logins';
}

/** The largest message in octets that these lines allow; null where none is stated. */
export function sizeLimit(lines) {
  const found = lines.map((line) => /^SIZE (\d+)$/i.exec(line)).find(Boolean);
  return Number(found?.[1]) || null;
}

function explain(line) {
  const [keyword, ...rest] = line.toUpperCase().split(/[ =]/);
  if (keyword === 'AUTH') return login(rest);
  if (keyword !== 'SIZE') return capability[keyword] ?? 'no description is available';
  const size = sizeLimit([line]);
  return size ? `accepts messages of up to ${octets(size)}` : 'accepts messages of any size';
}

export function capabilityList(lines) {
  return el('dl', { class: 'words' },
    lines.map((line) => el('div', {}, el('dt', {}, line), el('dd', {}, sentence(explain(line))))));
}
