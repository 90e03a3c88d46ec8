// Findings: what was seen, what it means, what to do, and who can.

import { button, copyButton, el, instruction, list, mark, unseen } from './dom.js';
import { audience, severity } from '../labels.js';
import { encryption } from './words.js';

const TONES = { error: 'bad', warning: 'warning', info: 'plain' };
const SHAPES = { error: 'bad', warning: 'warning', info: 'info' };

/** What the page can do about a finding itself: settings to try next. */
export function remedy({ code }, { port, security }) {
  const implicit = security === 'implicit';
  if (code === 'tls.plaintext_on_tls_port' && implicit) {
    return { security: 'starttls', port: port === 465 ? 587 : port };
  }
  if (['net.refused', 'net.timeout', 'tls.timeout', 'tls.starttls_not_offered'].includes(code)) {
    return implicit ? { security: 'starttls', port: 587 } : { security: 'implicit', port: 465 };
  }
  return null;
}

function remedyButton(wanted, onTry) {
  const text = `Try port ${wanted.port} with ${encryption(wanted.security)}`;
  return el('div', { class: 'buttons' }, button(text, () => onTry(wanted), { class: 'button primary' }));
}

function commandBlock(commands) {
  if (!commands?.length) return null;
  const text = el('pre', { class: 'text', tabindex: 0, role: 'group', 'aria-label': 'Commands' }, commands.join('\n'));
  return el('div', { class: 'joined-text' }, text, copyButton(text, 'the commands'));
}

const source = (see) => (/^https:\/\//.test(see ?? '')
  ? el('a', { href: see, target: '_blank', rel: 'noopener noreferrer' }, new URL(see).hostname) : see);

function card(finding, tried, onTry, level) {
  const wanted = tried && remedy(finding, tried);
  const { severity: weight, code } = finding;
  return el('li', { class: 'finding', 'data-tone': TONES[weight] ?? 'plain', 'data-code': code },
    el('header', {}, mark(SHAPES[weight] ?? 'info'),
      el(level, {}, unseen(`${severity[weight] ?? weight}: `), finding.meaning),
      el('code', { class: 'code' }, code)),
    list([
      ['What to do', finding.fix && [instruction(finding.fix), wanted && remedyButton(wanted, onTry)]],
      ['Commands', commandBlock(finding.commands)],
      ['Seen', finding.seen && el('code', { class: 'seen' }, finding.seen)],
      ['For', audience[finding.for]],
      ['Read on', source(finding.see)],
    ], { class: 'rows' }));
}

/** The findings of a failed request; its own words where it has none. */
export function findingsOf(document) {
  if (document.findings?.length) return document.findings;
  const { code, error, detail, advice, smtp } = document;
  const seen = smtp && !error.includes(smtp.text) ? `${error} (${smtp.code} ${smtp.text})` : error;
  return [{ code, severity: 'error', seen, meaning: detail ?? error, fix: advice ?? '', for: null }];
}

/**
 * The findings as cards, in the service's order: the most important first.
 * With `tried` ({port, security}) a card may offer the next settings through `onTry`.
 * @param {any[]} findings
 * @param {any} [tried]
 * @param {any} [onTry]
 * @param {'h2' | 'h3'} [level]
 */
export function findingCards(findings, tried, onTry, level = 'h2') {
  if (!findings.length) return null;
  return el('ul', { class: 'findings', 'aria-label': 'Findings' },
    findings.map((finding) => card(finding, tried, onTry, level)));
}

/**
 * The verdict: one sentence, and what stands behind it; the shape is the tone's unless it is another.
 * @param {any} more
 * @param {any} [actions]
 * @param {Record<string, any>} [title]
 * @param {'h1' | 'h2'} [level]
 */
export function verdict(tone, sentence, more, actions, shape = tone, title = {}, level = 'h1') {
  return [
    el('span', { class: tone === 'busy' && shape === 'busy' ? 'disc busy' : 'disc' }, mark(shape)),
    el('div', {}, el(level, { tabindex: -1, ...title }, sentence), el('p', {}, more)),
    actions && el('div', { class: 'buttons' }, actions),
  ].filter(Boolean);
}
