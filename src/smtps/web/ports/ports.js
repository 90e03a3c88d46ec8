// The submission ports of a host side by side.

import { Problem, request } from '../shared/api.js';
import { alarm, announce, badge, button, el, put } from '../shared/dom.js';
import { findingCards, verdict } from '../shared/findings.js';
import { keepResult, keptResult } from '../shared/kept.js';
import { portsSnippets } from '../shared/snippets.js';
import { encryption, milliseconds } from '../shared/words.js';
import { format } from '../shared/address.js';
import { advance, focusHeading } from '../shared/router.js';
import { located } from '../server/discover.js';
import { fill, foldForm, hasServer, openForm, readAccount, server, useForm } from '../server/form.js';
import { mistake } from '../server/mistake.js';
import { startCheck } from '../check/check.js';
import { headline, isBetweenServers, row } from './headline.js';

const PORTS = [[25, 'SMTP'], [465, 'SMTPS'], [587, 'Submission'], [2525, 'Alt Submission']];

let asked = 0;
let shown = '';

function total(timings) {
  const parts = Object.entries(timings ?? {}).filter(([phase]) => phase !== 'total');
  return parts.length ? milliseconds(parts.reduce((sum, [, ms]) => sum + ms, 0)) : '';
}

function portRow(port, comparison) {
  const { tone, shape, word, text, code } = row(port, comparison.recommended);
  const best = port.port === comparison.recommended?.port;
  const usable = !isBetweenServers(port) && ['works', 'warnings'].includes(port.verdict);
  const facts = [encryption(port.security), port.tls?.version?.replace('TLSv', 'TLS '), total(port.timings)].filter(Boolean);
  return el('li', { 'data-port': port.port, 'data-tone': tone, 'data-verdict': port.verdict, class: best && 'best' },
    el('span', { class: 'port' }, el('b', {}, String(port.port)), el('span', {}, port.name)),
    badge(word, tone, shape),
    el('div', { class: 'what' }, el('p', {}, text), el('p', { class: 'soft' }, facts.join(', '), code && [' · ', el('code', {}, code)])),
    el('div', { class: 'use' }, usable && button(`Check ${port.port}`, () => {
      fill({ host: comparison.host, port: port.port, security: port.security });
      startCheck();
    }, { class: best ? 'button primary' : 'button', 'aria-label': `Check port ${port.port}` })));
}

const waiting = () => el('ul', { class: 'card ports', 'aria-label': 'Ports' }, PORTS.map(([port, name]) => el('li', { 'data-tone': 'plain' },
  el('span', { class: 'port' }, el('b', {}, String(port)), el('span', {}, name)), badge('in progress', 'plain', 'ring'),
  el('div', { class: 'what' }, el('p', {}, '\u00a0'), el('p', { class: 'soft' }, '\u00a0')), el('div', { class: 'use' }))));

function showVerdict(tone, sentence, more, shape = tone) {
  return el('div', { class: 'verdict', id: 'ports-verdict', 'data-tone': tone },
    verdict(tone, sentence, more, null, shape, {}, 'h2'));
}

/** The finding that stands for all of them where no port can be used. */
const fault = ({ ports, recommended }) => (recommended ? null
  : ports.filter((port) => !isBetweenServers(port)).flatMap(({ findings }) => findings)[0]);

function show(comparison) {
  const { tone, sentence, more } = headline(comparison);
  const why = fault(comparison);
  put('ports', showVerdict(tone, sentence, more), why && findingCards([why], null, null, 'h3'),
    el('ul', { class: 'card ports', 'aria-label': 'Ports' }, comparison.ports.map((port) => portRow(port, comparison))),
    el('div', { class: 'folds' }, portsSnippets(comparison.host)));
  foldForm();
  announce(`${sentence}. ${more}`);
}

async function compare(host, address) {
  const mine = asked += 1;
  foldForm();
  put('ports', showVerdict('busy', `Trying the ports of ${host}`, 'No login, no mail.', 'busy'), waiting());
  announce(`Trying the ports of ${host}`);
  try {
    const comparison = await request(`/api/smtps/ports/${encodeURIComponent(host)}`);
    if (mine !== asked) return;
    keepResult(address, comparison);
    show(comparison);
  } catch (error) {
    if (mine !== asked) return;
    put('ports');
    if (!(error instanceof Problem)) throw error;
    mistake(error);
  }
}

async function start() {
  const account = readAccount();
  if (!account) return;
  alarm();
  try {
    const found = await located(account);
    if (!found) return;
    shown = format('ports', [], { host: found.host });
    if (location.hash !== shown) advance('ports', [], { host: found.host });
    focusHeading();
    await compare(found.host, shown);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    mistake(error);
  }
}

const lead = () => el('p', { class: 'lead' },
  'The ports 25, 465, 587 and 2525 of a server are tried at the same time: no login, no mail.');

/** Open the view: the comparison that was kept, or what to do. */
export function open({ query }) {
  useForm({ label: 'Compare ports', again: 'Compare ports', heading: 'Compare the ports of a server', act: start });
  if (query.host && query.host !== server().host) fill({ host: query.host });
  const address = format('ports', [], query);
  const kept = query.host && keptResult(address);
  if (kept) {
    shown = address;
    show(kept);
    return;
  }
  if (address === shown && query.host) {
    foldForm(); // under way
    return;
  }
  put('ports', lead());
  if (hasServer()) foldForm({ strong: true });
  else openForm({ whole: true });
}

export const close = () => {};
