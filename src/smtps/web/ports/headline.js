// The ports of a host in one headline, and each in a row.

import { verdict as words } from '../labels.js';

const WORKING = ['works', 'warnings'];
const SILENT = ['net.refused', 'net.timeout', 'net.unreachable', 'dns.no_address'];

/**
 * What to say above the ports.
 * @param {{host: string, ports: any[], recommended: {port: number} | null, why: string}} comparison
 * @returns {{tone: string, sentence: string, more: string}}
 */
export function headline({ host, ports, recommended, why }) {
  if (recommended) return { tone: 'good', sentence: `Use port ${recommended.port}`, more: why };
  const answering = ports.filter((port) => !isSilent(port));
  if (!answering.length) {
    return { tone: 'bad', sentence: 'None of these ports can be reached', more: `No mail server was reached at ${host}. A firewall, here or there, may be in the way.` };
  }
  return { tone: 'bad', sentence: 'Use none of these ports', more: why };
}

/** Nothing listens, or nothing gets there. */
export function isSilent({ findings = [] }) {
  return findings.some(({ code }) => SILENT.includes(code));
}

/** Not meant for sending by people: what it says is no fault. */
export const isBetweenServers = ({ port }) => port === 25;

/**
 * One port: a tone, a word, and a sentence.
 * @returns {{tone: string, shape: string, word: string, text: string, code: string}}
 */
export function row(port, recommended) {
  const { verdict, findings = [], seen, auth = [] } = port;
  const [worst] = findings;
  const code = worst?.code ?? '';
  if (port.port === recommended?.port) {
    return { tone: 'good', shape: 'good', word: 'Use this one', text: worst?.meaning ?? 'Works, and accepts logins.', code };
  }
  if (isBetweenServers(port)) {
    return { tone: 'plain', shape: 'dash', word: 'Not for sending', text: 'For mail between servers; many networks block it.', code: '' };
  }
  if (isSilent(port)) return { tone: 'plain', shape: 'dash', word: code === 'net.refused' ? 'Closed' : 'No answer', text: worst.meaning, code };
  if (WORKING.includes(verdict)) {
    const text = worst?.meaning ?? (auth.length ? 'Works as well.' : 'Works, but offers no login.');
    return { tone: 'good', shape: 'good', word: words[verdict] ?? verdict, text, code };
  }
  const tone = verdict === 'fails' ? 'bad' : 'warning';
  return { tone, shape: tone, word: words[verdict] ?? verdict, text: worst?.meaning ?? seen, code };
}
