// The timeline: each phase lights up as it ends, with a bar for when it began and how long it took.

import { el, mark, unseen } from '../shared/dom.js';
import { phase as labels } from '../labels.js';
import { milliseconds } from '../shared/words.js';

const STATES = { waiting: 'pending', running: 'in progress', done: 'done', failed: 'failed', skipped: 'not reached' };
const MARKS = { waiting: 'plain', running: 'plain', done: 'good', failed: 'bad', skipped: 'plain' };

export const phaseName = (phase) => labels[phase] ?? phase;

const ORDER = {
  implicit: ['dns', 'tcp', 'tls', 'greeting', 'ehlo', 'auth'],
  starttls: ['dns', 'tcp', 'greeting', 'ehlo', 'tls', 'auth'],
};

/** A timeline for each address; the first is there before its address is known. */
export class Timelines {
  constructor(security, login) {
    this.make = () => new Timeline(security, login);
    this.first = this.make();
    this.of = new Map();
    this.element = el('div', { class: 'timelines' }, this.first.element);
  }

  at(address) {
    if (this.of.has(address)) return this.of.get(address);
    const timeline = this.of.size ? this.make() : this.first;
    this.of.set(address, timeline);
    if (this.of.size > 1) {
      this.element.replaceChildren(...[...this.of].flatMap(([name, { element }]) => {
        element.ariaLabel = `Phases, ${name}`;
        return [el('h3', {}, name), element];
      }));
    }
    return timeline;
  }

  mark(address, phase, ms, ok) {
    this.at(address).mark(phase, ms, ok);
  }

  /**
   * The check has ended, with a report if it came to one; all addresses are drawn to one scale.
   * @param {{addresses?: any[], timings?: Record<string, number>, findings?: any[]}} report
   */
  finish({ addresses = [], timings = {}, findings = [] } = {}) {
    if (!addresses.length) this.first.finish(findings.length ? 'dns' : null);
    const all = addresses.map(({ address, failure, timings: own }) =>
      [this.at(address), failure?.phase, { dns: timings.dns, ...own }]);
    const longest = Math.max(0, ...all.map(([, , spent]) => Object.values(spent).reduce((sum, ms) => sum + (ms ?? 0), 0)));
    for (const [timeline, failed, spent] of all) timeline.finish(failed, spent, longest);
  }
}

class Timeline {
  /** Rows for a check that is about to begin; all of them are there from the start. */
  constructor(security, login) {
    this.rows = ORDER[security].map((phase) => new Row(phase));
    this.element = el('ol', { class: 'timeline', 'aria-label': 'Phases' }, this.rows.map((row) => row.element));
    if (!login) this.row('auth').set('skipped', null, 'not tried');
    this.begin(this.rows[0]);
    this.clock = setInterval(() => this.draw(), 100);
  }

  row(phase) {
    return this.rows.find((row) => row.phase === phase);
  }

  begin(row) {
    if (!row || row.state !== 'waiting') return;
    row.set('running');
    row.began = performance.now();
  }

  /** A phase has ended. */
  mark(phase, ms, ok) {
    const at = this.rows.findIndex((row) => row.phase === phase);
    if (at < 0) return;
    for (const row of this.rows.slice(0, at)) if (row.state !== 'done') row.set('done', row.ms);
    this.rows[at].set(ok ? 'done' : 'failed', ms);
    if (ok) this.begin(this.rows[at + 1]);
    this.draw();
  }

  /** The check has ended: at `failed`, if it did not come through. */
  finish(failed, timings = {}, longest = 0) {
    clearInterval(this.clock);
    this.longest = longest;
    if (timings.token != null) this.addToken(timings.token, failed === 'token');
    for (const row of this.rows) row.ms = timings[row.phase] ?? row.ms;
    if (failed && this.row(failed)) this.mark(failed, this.row(failed).ms, false);
    for (const row of this.rows) {
      if (row.state === 'done') row.set('done', row.ms);
      if (row.state === 'waiting' || row.state === 'running') row.set('skipped');
    }
    this.draw();
  }

  /** The access token was fetched before the login: most logins have no such phase. */
  addToken(ms, failed) {
    const login = this.row('auth');
    const row = new Row('token');
    row.set('done', ms);
    login.element.before(row.element);
    this.rows.splice(this.rows.indexOf(login), 0, row);
    if (failed) login.set('skipped');
  }

  draw() {
    const now = performance.now();
    const spent = this.rows.map((row) => (row.state === 'running' ? now - row.began : row.ms ?? 0));
    const whole = Math.max(this.longest ?? 0, spent.reduce((sum, ms) => sum + ms, 0)) || 1;
    let before = 0;
    this.rows.forEach((row, at) => {
      row.draw(before / whole, spent[at] / whole, spent[at]);
      before += spent[at];
    });
  }
}

class Row {
  constructor(phase) {
    this.phase = phase;
    this.state = 'waiting';
    this.ms = null;
    this.mark = mark('plain');
    this.bar = el('span', { class: 'bar', 'aria-hidden': 'true' });
    this.time = el('span', { class: 'time' });
    this.words = unseen('');
    this.element = el('li', {}, this.mark, el('span', {}, phaseName(phase), this.words), this.bar, this.time);
    this.set('waiting');
  }

  set(state, ms = null, text = milliseconds(ms)) {
    Object.assign(this, { state, ms });
    const next = mark(MARKS[state]);
    this.mark.replaceWith(next);
    this.mark = next;
    this.element.dataset.state = state;
    this.element.dataset.phase = this.phase;
    this.words.textContent = `: ${STATES[state]}`;
    this.time.textContent = text;
  }

  draw(from, part, ms) {
    this.bar.style.setProperty('--from', from.toFixed(4));
    this.bar.style.setProperty('--part', part.toFixed(4));
    if (this.state === 'running' && ms >= 1000) this.time.textContent = milliseconds(ms);
  }
}
