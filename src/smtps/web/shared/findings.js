// Findings: what was seen, what it means, what to do, and who can.

import { badge, button, el, instruction, list, mark } from './dom.js';
import { audience, severity } from '../labels.js';
import { encryption } from './words.js';

const TONES = { error: 'bad', warning: 'warning', info: 'plain' };

/** What the page can do about a finding itself: settings to try next. */
function remedy({ code }, { port, security }) {
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
  return button(`Try port ${wanted.port} with ${encryption(wanted.security)}`, () => onTry(wanted), { class: 'button primary small' });
}

function card(finding, tried, onTry) {
  const wanted = tried && remedy(finding, tried);
  const tone = TONES[finding.severity] ?? 'plain';
  return el('li', { class: 'finding', 'data-tone': tone, 'data-code': finding.code },
    el('h3', {}, finding.meaning),
    list([
      ['What to do', finding.fix && [instruction(finding.fix), wanted && remedyButton(wanted, onTry)]],
      ['Commands', finding.commands?.length > 0 && el('code', { class: 'seen' }, finding.commands.join('\n'))],
      ['Seen', finding.seen && el('code', { class: 'seen' }, finding.seen)],
    ], {}),
    el('div', { class: 'foot' },
      badge(severity[finding.severity] ?? finding.severity, tone),
      audience[finding.for] && el('span', {}, `For ${audience[finding.for]}`),
      el('code', {}, finding.code)));
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
 */
export function findingCards(findings, tried, onTry) {
  if (!findings.length) return null;
  return el('ul', { class: 'findings', 'aria-label': 'Findings' },
    findings.map((finding) => card(finding, tried, onTry)));
}

/** The verdict: one sentence, and what stands behind it; the shape is the tone's unless it is another. */
export function verdict(tone, sentence, more, action, shape = tone) {
  return [mark(shape), el('div', {}, el('h2', {}, sentence), el('p', {}, more)), action];
}
