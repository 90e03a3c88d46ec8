// Problems beside the fields that they belong to: #host has its text in #host-error.

import { byId, el } from './dom.js';

/** The place for an input's problem, made when it is first needed. */
function place(input) {
  const id = `${input.id}-error`;
  const found = byId(id);
  if (found) return found;
  const made = el('p', { id, class: 'error' });
  input.closest('.field').append(made);
  input.setAttribute('aria-describedby', `${input.getAttribute('aria-describedby') ?? ''} ${id}`.trim());
  return made;
}

/** Say what is wrong with a field; an empty text takes it back. */
export function setProblem(input, text) {
  place(input).textContent = text;
  if (text) input.setAttribute('aria-invalid', 'true');
  else input.removeAttribute('aria-invalid');
}

/** Take back all problems in a form. */
export function clearProblems(form) {
  for (const input of form.querySelectorAll('[aria-invalid]')) setProblem(input, '');
}

/** Say what is wrong with each field ([id, text]), and go to the first. Returns whether there was any. */
export function blame(found) {
  for (const [id, text] of found) setProblem(byId(id), text);
  if (!found.length) return false;
  const first = byId(found[0][0]);
  first.closest('details')?.setAttribute('open', '');
  first.focus();
  return true;
}

const sentence = (problem) => problem.charAt(0).toUpperCase() + problem.slice(1).replace(/\.?$/, '.');

/**
 * Show the problems that the service named, each beside its field. `inputs` maps the service's
 * names to ids. Returns the problems that have no field here.
 */
export function showProblems(errors, inputs) {
  const placed = errors.map(({ field, problem }) => [inputs[field.split(/[.[]/)[0]], sentence(problem)]);
  blame(placed.filter(([id]) => id));
  return errors.filter((_, at) => !placed[at][0]).map(({ field, problem }) => `${field} ${problem}`);
}

/** A field's problem goes as soon as the field is changed. */
export function forgive(form) {
  form.addEventListener('input', ({ target }) => {
    if (target.hasAttribute('aria-invalid')) setProblem(target, '');
  });
}
