// The attempts to send a message of the outbox, the last one first.

import { Problem, request } from '../shared/api.js';
import { alarm, badge, byId, el, elements, list } from '../shared/dom.js';
import { linesBlock } from '../shared/transcript.js';
import { milliseconds, moment } from '../shared/words.js';

const OUTCOMES = {
  sent: ['sent', 'good'], partial: ['sent to some', 'warning'], refused: ['refused', 'bad'],
  deferred: ['deferred', 'warning'], uncertain: ['uncertain', 'warning'],
};

/** What was said, asked for when somebody wants to see it. */
function transcript(n, path) {
  const place = el('div');
  const load = async ({ currentTarget: { open } }) => {
    if (!open || place.firstChild) return;
    try {
      const { attempts } = await request(`${path}/transcript`);
      place.replaceChildren(linesBlock(attempts.find((attempt) => attempt.n === n)?.lines ?? []));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      alarm(error.message);
    }
  };
  return el('details', { ontoggle: load }, el('summary', {}, 'Transcript', el('span', { class: 'unseen' }, ` of attempt ${n}`)), place);
}

/** Why it failed; what to do only where that is not said above. */
function reason({ code, message, advice }, told) {
  const seen = el('code', {}, message);
  return el('div', { class: 'reason' }, code === told || !advice ? seen : list([['What to do', advice], ['Seen', seen]], { class: 'rows' }));
}

function row({ n, started_at: started, duration_ms: ms, outcome, address, reply, failure }, told, path) {
  const [word, tone] = OUTCOMES[outcome] ?? [outcome, 'plain'];
  const more = [ms != null && `took ${milliseconds(ms)}`, address].filter(Boolean).join(', ');
  return el('li', { 'data-key': `${n} ${outcome}`, value: n },
    el('div', { class: 'head' },
      el('span', {}, el('strong', {}, `${n}.`), ` ${moment(started)} `, el('span', { class: 'soft small' }, more)),
      badge(word, tone)),
    reply && el('code', {}, [reply.code, reply.text].filter(Boolean).join(' ')),
    failure && reason(failure, told),
    transcript(n, path));
}

/** What is there already, with its transcript as open as it is, but with the reason as it is told now. */
function renew(old, made) {
  if (!old) return made;
  const [before, now] = [old, made].map((item) => item.querySelector('.reason'));
  if (before && now && !before.isEqualNode(now)) before.replaceWith(now);
  return old;
}

/** Show the attempts of the message at `path`; `told` is the code whose advice is given already. */
export function showAttempts(attempts, told, path) {
  const place = byId('submission-attempts');
  const before = new Map(elements('[data-key]', place).map((item) => [item.dataset.key, item]));
  place.replaceChildren(...attempts.map((attempt) => row(attempt, told, path)).reverse()
    .map((item) => renew(before.get(item.dataset.key), item)));
}
