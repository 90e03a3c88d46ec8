// The phases of a check: each lights up as it ends, with a bar for when it began and how long it took.

import { el, mark, unseen } from '../shared/dom.js';
import { phase as labels } from '../labels.js';
import { milliseconds } from '../shared/words.js';

const STATES = { waiting: 'pending', running: 'in progress', done: 'done', failed: 'failed', skipped: 'not reached' };
const MARKS = { waiting: 'ring', running: 'ring', done: 'good', failed: 'bad', skipped: 'dash' };

export const phaseName = (phase) => labels[phase] ?? phase;

const ORDER = {
  implicit: ['dns', 'tcp', 'tls', 'greeting', 'ehlo', 'auth'],
  starttls: ['dns', 'tcp', 'greeting', 'ehlo', 'tls', 'auth'],
};

/** A timeline for each address; the first is there before its address is known. */
export class Timelines {
  /** `onPhase(phase)` hears of each phase that begins at the first address. */
  constructor(security, login, onPhase = (_phase) => {}) {
    this.make = (only, heard) => new Timeline(ORDER[security] ?? ORDER.implicit, login, only, heard);
    this.first = this.make(true, onPhase);
    this.of = new Map();
    this.element = el('div', { class: 'timelines' }, this.first.element);
  }

  at(address) {
    if (this.of.has(address)) return this.of.get(address);
    const timeline = this.of.size ? this.make(false, () => {}) : this.first;
    timeline.name(address);
    if (this.of.size) this.element.append(timeline.element);
    this.of.set(address, timeline);
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
    const all = addresses.map(({ address, failure, login_failure: login, timings: own }) =>
      [this.at(address), failure?.phase ?? login?.phase, { dns: timings.dns, ...own }]);
    const longest = Math.max(0, ...all.map(([, , spent]) => Object.values(spent).reduce((sum, ms) => sum + (ms ?? 0), 0)));
    for (const [timeline, failed, spent] of all) timeline.finish(failed, spent, longest);
  }
}

class Timeline {
  /** Rows for a check that is about to begin; all of them are there from the start. */
  constructor(order, login, whole, heard) {
    this.heard = heard;
    this.rows = order.filter((phase) => whole || phase !== 'dns').map((phase) => new Row(phase));
    this.address = el('span', {}, '\u00a0');
    this.list = el('ol', { class: 'timeline', 'aria-label': 'Phases' }, this.rows.map((row) => row.element));
    this.element = el('section', {}, el('h2', {}, 'Phases', ' ', this.address), this.list);
    if (!login) this.row('auth').set('skipped', null, 'not tried');
    this.begin(this.rows[0]);
    this.clock = setInterval(() => this.draw(), 100);
  }

  name(address) {
    this.address.textContent = address;
    this.address.title = address;
    this.list.ariaLabel = `Phases, ${address}`;
  }

  row(phase) {
    return this.rows.find((row) => row.phase === phase);
  }

  begin(row) {
    if (!row || row.state !== 'waiting') return;
    row.set('running');
    row.began = performance.now();
    this.heard(row.phase);
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
      if (row.ms != null && row.state === 'waiting') row.set('done', row.ms);
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
    this.mark = mark('ring');
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
