// "Paste what your mail program says": what any program's words mean. The service answers offline.

import { Problem, request } from '../shared/api.js';
import { alarm, announce, button, byId, el, put, reveal } from '../shared/dom.js';
import { findingCards } from '../shared/findings.js';
import { forgetResult, keepResult, keptResult } from '../shared/kept.js';
import { go, here } from '../shared/router.js';
import { hideForm } from '../server/form.js';

const CERTAIN = 0.5;
const PLACE = '#/explain'; // the words themselves are in no address: they may be anything

const asFinding = (match) => ({ ...match, severity: match.score >= CERTAIN ? 'error' : 'warning', seen: match.why.join('\n') });

/** The first cause, or all where none is certain; the rest stays folded. */
function answer({ matches, next }) {
  if (!matches.length) {
    return el('p', { class: 'lead' }, 'These words are not known. Enter the server’s settings and ',
      el('a', { href: '#/check' }, 'check it'), ': the check names the cause.');
  }
  const shown = next ? matches : matches.slice(0, 1);
  const rest = matches.slice(shown.length);
  return [
    next && el('p', { class: 'lead' }, 'These words alone do not say what is wrong. They can mean:'),
    findingCards(shown.map(asFinding)),
    rest.length > 0 && el('details', { class: 'more' },
      el('summary', {}, `It may also be ${rest.length === 1 ? 'another cause' : `one of ${rest.length} other causes`}`),
      findingCards(rest.map(asFinding))),
  ];
}

function clear() {
  const field = byId('explain-text');
  field.value = '';
  put('explain-result');
  forgetResult(PLACE);
  field.focus();
}

function show(found) {
  byId('explain-text').value = found.text; // passwords and tokens in it are blacked out by now
  put('explain-result', answer(found), el('div', { class: 'buttons' }, button('Clear', clear, { class: 'button' })));
}

let asked = 0;

/** Explain what stands in the field. */
async function explain() {
  const field = byId('explain-text');
  const text = field.value.trim();
  if (!text) {
    field.focus();
    return;
  }
  const mine = asked += 1;
  alarm();
  try {
    const found = await request('/api/smtps/explain', { method: 'POST', body: { text } });
    if (mine !== asked) return;
    keepResult(PLACE, found);
    if (here().view === 'explain') show(found);
    else await go('explain');
    announce(found.matches[0]?.meaning ?? 'These words are not known');
    reveal(byId('explain-result'));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (mine === asked) alarm(error.message);
  }
}

/** Open the view: the field, with what was explained last. */
export function open() {
  hideForm();
  byId('paste').hidden = false;
  byId('paste').classList.add('alone');
  const kept = keptResult(PLACE);
  if (kept) show(kept);
  else put('explain-result');
}

export const close = () => {};

/** Make the form work; Enter explains, Shift and Enter is a line feed. */
export function startExplain() {
  byId('explain').addEventListener('submit', (event) => {
    event.preventDefault();
    explain();
  });
  byId('explain-text').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    explain();
  });
}
