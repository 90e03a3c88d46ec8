// The submission ports of a host side by side.

import { Problem, request } from '../shared/api.js';
import { announce, badge, button, el, list, put } from '../shared/dom.js';
import { verdict as words } from '../labels.js';
import { portsSnippets } from '../shared/snippets.js';
import { encryption, milliseconds } from '../shared/words.js';

const TONES = { works: 'good', warnings: 'warning', fails: 'bad', unknown: 'warning', later: 'warning' };

function total(timings) {
  const parts = Object.entries(timings ?? {}).filter(([phase]) => phase !== 'total');
  return parts.length ? milliseconds(parts.reduce((sum, [, ms]) => sum + ms, 0)) : null;
}

function card(port, best, onUse) {
  const { verdict, name, security, tls, auth, findings, seen, timings } = port;
  const worst = findings?.[0];
  return el('li', { class: best && 'best', 'data-port': port.port, 'data-verdict': verdict },
    el('h3', {}, String(port.port), el('span', {}, name)),
    el('p', {}, badge(words[verdict] ?? verdict, TONES[verdict] ?? 'plain'), best && [' ', badge('recommended', 'good')]),
    el('p', {}, worst ? worst.meaning : seen),
    worst && el('code', {}, worst.code),
    list([
      ['TLS', encryption(security)],
      ['Version', tls?.version?.replace('TLSv', '')],
      ['Login', auth?.join(', ')],
      ['Time', total(timings)],
    ]),
    button(`Use ${port.port}`, () => onUse({ port: port.port, security })));
}

let asked = 0;

/** Compare the ports of a host. `onUse` takes {port, security}, `onMistake` a Problem. */
export async function comparePorts(host, { onUse, onMistake }) {
  const mine = asked += 1;
  put('ports', el('p', { class: 'lead' }, `Trying the ports of ${host} …`));
  put('ports-snippets');
  announce(`Trying the ports of ${host}`);
  try {
    const { ports, recommended, why } = await request(`/api/smtps/ports/${encodeURIComponent(host)}`);
    if (mine !== asked) return;
    put('ports',
      el('p', { id: 'ports-why' }, el('strong', {}, `${host}: `), why),
      el('ul', { class: 'ports', 'aria-label': 'Ports' },
        ports.map((port) => card(port, port.port === recommended?.port, (way) => onUse({ host, ...way })))));
    put('ports-snippets', portsSnippets(host));
    announce(why);
  } catch (error) {
    if (mine !== asked) return;
    put('ports');
    if (!(error instanceof Problem)) throw error;
    onMistake(error);
  }
}
