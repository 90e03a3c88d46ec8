// Remembers in this browser what was typed: every field marked data-keep, and no other.

const KEY = 'smtps';

const fields = () => [...document.querySelectorAll('[data-keep]')];
const property = (field) => (field.type === 'checkbox' ? 'checked' : 'value');

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') ?? {};
  } catch {
    return {}; // storage is switched off, or holds something else
  }
}

/** Keep what the fields hold now. */
export function keep() {
  const held = Object.fromEntries(fields().map((field) => [field.id, field[property(field)]]));
  try {
    localStorage.setItem(KEY, JSON.stringify(held));
  } catch {
    // Then nothing is remembered; the page works all the same.
  }
}

/** Fill the fields with what was kept, and keep what is typed from now on. */
export function remember() {
  const held = read();
  for (const field of fields()) {
    if (field.id in held) field[property(field)] = held[field.id];
    field.addEventListener('input', keep);
    field.addEventListener('change', keep);
  }
}

export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // There was nothing to forget.
  }
}
