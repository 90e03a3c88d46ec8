// Small helpers around the document. Text goes in as text, never as markup.

/** @typedef {import('../ids').Ids} Ids */

/**
 * The element of an id: one that the page has, or one that is put together at run time.
 * @template {string} Id
 * @param {Id & (Id extends keyof Ids ? unknown : {} extends Record<Id, 1> ? unknown : never)} id
 * @returns {Id extends keyof Ids ? Ids[Id] : any}
 */
export const byId = (id) => /** @type {any} */ (document.getElementById(id));

/**
 * The elements in `place` that a selector finds.
 * @returns {HTMLElement[]}
 */
export const elements = (selector, place = document.body) => [...place.querySelectorAll(selector)];

/**
 * What has the focus, or is around it, if a selector finds it.
 * @returns {HTMLElement | null}
 */
export const focusIn = (selector) => document.activeElement?.closest(selector) ?? null;

/** Make these the only children of an element; those that are not there are left out. */
export const put = (id, ...nodes) => byId(id).replaceChildren(...nodes.flat().filter(Boolean));

/**
 * An element with attributes, listeners (onclick: …) and children; null children are left out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} attributes
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value != null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat(2).filter(Boolean));
  return node;
}

/** What to do; an option of the shell in it stays in one piece. */
export const instruction = (text) => el('span', { class: 'do' }, text.split(/(--[a-z-]+)/).map((piece, index) => index % 2 ? el('span', { class: 'whole' }, piece) : piece));

/** A small button. */
export const button = (text, onclick, more) => el('button', { type: 'button', class: 'button small', onclick, ...more }, text);

/**
 * Pairs of term and description; those without a value are left out.
 * @param {any[][]} pairs
 * @param {Record<string, string>} attributes
 */
export function list(pairs, attributes = { class: 'list' }) {
  const known = pairs.filter(([, value]) => value);
  return el('dl', attributes, known.flatMap(([term, value]) => [el('dt', {}, term), el('dd', {}, value)]));
}

const STROKES = {
  arrow: 'M4 10h11M10.5 5l5 5-5 5',
  clock: 'M10 2.5a7.5 7.5 0 100 15 7.5 7.5 0 100-15M10 6v4.5l3 2',
  dash: 'M5 10h10',
  hourglass: 'M5.5 3.5h9L5.5 16.5h9z',
  question: 'M6.5 7a3.5 3.5 0 116 2.4c-1.2 1.1-2.5 1.6-2.5 3.1M10 16.5v.5',
  turn: 'M16 4.5v4h-4M15.6 8.5a6.3 6.3 0 10.7 3.5',
  good: 'M4 11l5 5L17 5',
  warning: 'M10 4v7M10 15.5v.5',
  bad: 'M5 5l10 10M15 5L5 15',
  plain: 'M4.5 10h.01M10 10h.01M15.5 10h.01',
  ring: 'M10 7.5a2.5 2.5 0 100 5 2.5 2.5 0 100-5',
  info: 'M10 9v6M10 5v.01',
  busy: 'M10 3a7 7 0 11-7 7',
  chevron: 'M7.5 4.5l5.5 5.5-5.5 5.5',
  left: 'M12.5 4.5L7 10l5.5 5.5',
  copy: 'M7.5 7.5h9v9h-9zM12.5 7.5v-4h-9v9h4',
  save: 'M10 3v9m0 0l-3.5-3.5M10 12l3.5-3.5M3.5 16.5h13',
  link: 'M8.4 11.6a3.3 3.3 0 004.7 0l2.7-2.7a3.3 3.3 0 00-4.7-4.7l-1.1 1.1M11.6 8.4a3.3 3.3 0 00-4.7 0l-2.7 2.7a3.3 3.3 0 004.7 4.7l1.1-1.1',
  bin: 'M3.5 5.5h13M8 3h4M5.3 5.5l.8 11h7.8l.8-11',
  clip: 'M14.5 6v7a4.5 4.5 0 01-9 0V5.5a3 3 0 016 0V13a1.5 1.5 0 01-3 0V6',
  shield: 'M10 2.7L4 5v4.5c0 4 2.5 6.3 6 7.8 3.5-1.5 6-3.8 6-7.8V5z',
};

/** A tick, an exclamation mark, a cross, three dots or another shape; says nothing to a screen reader. */
export function mark(shape) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', STROKES[shape]);
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('class', 'mark');
  svg.dataset.shape = shape;
  svg.setAttribute('aria-hidden', 'true');
  svg.append(path);
  return svg;
}

export const badge = (text, tone, shape = tone) => el('span', { class: 'badge', 'data-tone': tone }, shape && mark(shape), text);

export const unseen = (text) => el('span', { class: 'unseen' }, text);

/** Tell a screen reader, without moving anything. */
export function announce(text) {
  byId('status').textContent = text;
}

/** A problem of the page as a whole; an empty text takes it away. */
export function alarm(text = '') {
  byId('alert').textContent = text;
}

/** A button that copies what `source` shows. */
export function copyButton(source, what) {
  const made = button('Copy', async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      announce(`Copied ${what}`);
      made.textContent = 'Copied';
    } catch {
      // No clipboard without HTTPS: leave the last key to the reader.
      getSelection()?.selectAllChildren(source);
      announce(`Selected ${what}: press Ctrl+C`);
      made.textContent = 'Ctrl+C';
    }
    setTimeout(() => { made.textContent = 'Copy'; }, 2000);
  }, { 'aria-label': `Copy ${what}` });
  return made;
}

/** Bring a result into view where it is out of it, as on a phone. */
export function reveal(node) {
  const { top } = node.getBoundingClientRect();
  if (top >= 0 && top < innerHeight * 0.6) return;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  node.scrollIntoView({ behavior: calm ? 'auto' : 'smooth', block: 'start' });
}
