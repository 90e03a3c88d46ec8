// The files that go with a message: added by button or by drag and drop.

import { announce, button, byId, el, mark, put } from '../shared/dom.js';
import { count, octets } from '../shared/words.js';

/** @type {File[]} */
const files = [];
/** @type {number | null} */
let limit = null; // octets that the server takes, if it said so

export const attached = () => [...files];

/** What the last check said about the size of messages; null if nothing. */
export function setLimit(size) {
  limit = size;
  show();
}

function add(list) {
  files.push(...list);
  announce(`${count(list.length, 'file')} added`);
  show();
}

function remove(file) {
  files.splice(files.indexOf(file), 1);
  announce(`${file.name} removed`);
  show();
  byId('compose-add').focus();
}

function row(file) {
  return el('li', {},
    mark('clip'), el('bdi', { class: 'name', title: file.name }, file.name), el('span', { class: 'hint' }, octets(file.size)),
    button('Remove', () => remove(file), { 'aria-label': `Remove ${file.name}` }));
}

function summary() {
  if (!files.length) return '';
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const grown = size * 4 / 3; // base64
  const words = `${count(files.length, 'file')}, ${octets(size)}; about ${octets(grown)} when encoded.`;
  if (limit === null) return words;
  return `${words} The server accepts ${grown > limit ? 'only ' : ''}${octets(limit)}.`;
}

function show() {
  put('compose-attachments', files.map(row));
  byId('compose-size').textContent = summary();
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => {
      const url = String(reader.result);
      resolve(url.slice(url.indexOf(',') + 1));
    };
    reader.onerror = () => reject(new Error(`${file.name} cannot be read. Remove it and add it again.`));
    reader.readAsDataURL(file);
  });
}

/** The files as the service takes them. */
export function encoded() {
  return Promise.all(files.map(async (file) => ({
    filename: file.name, content: await base64(file), ...(file.type && { content_type: file.type }),
  })));
}

byId('compose-add').addEventListener('click', () => byId('compose-files').click());
byId('compose-files').addEventListener('change', () => {
  const input = byId('compose-files');
  add([...input.files ?? []]);
  input.value = ''; // so that the same file can be chosen again
});

const zone = byId('compose');
const mine = (event) => event.dataTransfer?.types.includes('Files');
const over = (is) => byId('compose-drop').classList.toggle('over', is);

zone.addEventListener('dragover', (event) => {
  if (!mine(event)) return;
  event.preventDefault();
  over(true);
});
zone.addEventListener('dragleave', (event) => {
  if (!zone.contains(/** @type {Node | null} */ (event.relatedTarget))) over(false);
});
zone.addEventListener('drop', (event) => {
  if (!mine(event)) return;
  event.preventDefault();
  over(false);
  add([...event.dataTransfer?.files ?? []]);
});
