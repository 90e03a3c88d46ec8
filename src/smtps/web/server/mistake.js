// What is wrong with a request: beside its fields, and for the rest above everything.

import { alarm, byId, reveal } from '../shared/dom.js';
import { showProblems } from '../shared/fields.js';
import { INPUTS, openForm } from './form.js';

/**
 * Show a Problem of a request. `more` has the fields of a form beside that of the server.
 * @param {{document?: any, message: string}} problem
 * @param {Record<string, string>} [more]
 */
export function mistake({ document: found = {}, message }, more = {}) {
  const { errors = [], error } = found;
  if (errors.some(({ field }) => INPUTS[field])) openForm();
  const homeless = showProblems(errors, { ...INPUTS, ...more });
  const others = errors.length === 1 ? [] : homeless; // a single one is in the error itself
  const text = errors.length && !homeless.length ? '' : [error ?? message, ...others].join(' ');
  alarm(text);
  if (text) reveal(byId('alert'));
}
