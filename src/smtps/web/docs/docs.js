// The requests, drawn from /openapi.json, each to be tried on the spot.

import { badge, button, byId, el, elements, put } from '../shared/dom.js';

const { paths, components } = await (await fetch('/openapi.json')).json();

const TONES = { GET: 'plain', DELETE: 'bad' };

const resolve = (schema = {}) => (schema.$ref ? components.schemas[schema.$ref.split('/').at(-1)] : schema);

function kind(schema) {
  const found = resolve(schema);
  if (found.enum) return found.enum.map((each) => JSON.stringify(each)).join(', ');
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.anyOf) return found.anyOf.map(kind).join(' or ');
  if (found.items) return `list of ${kind(found.items)}`;
  return found.type ?? 'anything';
}

function fieldRow(name, schema, required, description) {
  const standard = schema.default == null ? '' : `; default ${JSON.stringify(schema.default)}`;
  return [
    el('dt', {}, el('code', {}, name), required && ' (required)'),
    el('dd', {}, kind(schema) + standard, description && `. ${description}`),
  ];
}

const table = (title, rows) => rows.length > 0 && el('details', {}, el('summary', {}, title), el('dl', { class: 'list' }, rows));

function input({ name, in: place, schema, required, example, examples }) {
  const value = example ?? examples?.[0] ?? resolve(schema).examples?.[0] ?? Object.values(examples ?? {})[0]?.value ?? '';
  const field = el('input', { 'data-name': name, 'data-place': place, value, required, spellcheck: 'false' });
  return el('div', { class: 'field' }, el('label', {}, name, field));
}

function address(path, form) {
  const query = new URLSearchParams();
  let filled = path;
  for (const { dataset, value } of form.querySelectorAll('input[data-name]')) {
    if (dataset.place === 'path') filled = filled.replace(`{${dataset.name}}`, encodeURIComponent(value));
    else if (value && dataset.place === 'query') query.set(dataset.name, value);
  }
  return query.size ? `${filled}?${query}` : filled;
}

async function attempt(method, path, form, answer) {
  const body = form.querySelector('textarea')?.value;
  const token = byId('token').value;
  answer.textContent = '…';
  try {
    const response = await fetch(address(path, form), {
      method, body,
      headers: { ...(body && { 'Content-Type': 'application/json' }), ...(token && { Authorization: `Bearer ${token}` }) },
    });
    const text = await response.text();
    const shown = /json/.test(response.headers.get('Content-Type') ?? '') ? JSON.stringify(JSON.parse(text), null, 2) : text;
    answer.textContent = `${response.status} ${response.statusText}\n\n${shown}`;
  } catch (error) {
    answer.textContent = `The service does not answer: ${error.message}`;
  }
}

function operation(path, method, { summary, description, parameters = [], requestBody }) {
  const content = requestBody?.content['application/json'];
  const schema = resolve(content?.schema);
  const example = Object.values(content?.examples ?? {})[0]?.value;
  const shown = parameters.filter(({ in: place }) => place !== 'header');
  const answer = el('pre', { role: 'region', tabindex: '0', 'aria-live': 'polite', 'aria-label': `Answer of ${method} ${path}` });
  const form = el('form', { onsubmit: (event) => { event.preventDefault(); attempt(method, path, form, answer); } },
    shown.length <= 4 || method === 'GET' ? shown.map(input) : [],
    content && el('div', { class: 'field' }, el('label', {}, 'Body',
      el('textarea', { rows: 10, spellcheck: 'false' }, JSON.stringify(example ?? {}, null, 2)))),
    el('button', { class: 'button primary', 'aria-label': `Try ${method} ${path}` }, 'Try'), answer);
  return el('details', { class: 'card', id: `${method} ${path}` },
    el('summary', {}, badge(method, TONES[method] ?? 'good', ''), ' ', el('code', {}, path), ` ${summary}`),
    description && el('p', {}, description),
    table('Parameters', parameters.flatMap((each) => fieldRow(each.name, each.schema, each.required, each.description))),
    content && table('Fields of the body', Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
      fieldRow(name, field, schema.required?.includes(name), field.description))),
    form);
}

const groups = new Map();
for (const [path, operations] of Object.entries(paths)) {
  for (const [method, each] of Object.entries(operations)) {
    const group = each.tags?.[0] ?? 'more';
    groups.set(group, [...(groups.get(group) ?? []), operation(path, method.toUpperCase(), each)]);
  }
}
put('operations', [...groups].map(([group, cards]) => el('section', {}, el('h2', {}, group), cards)),
  button('Open all', () => elements('details.card').forEach((each) => each.setAttribute('open', ''))));
