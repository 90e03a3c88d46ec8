// A report in one sentence, and what stands behind it.

import { phase as phases } from '../labels.js';
import { count, encryption } from '../shared/words.js';

/** What ended the dialogue: nothing, if it came to its end at any address. */
export const failureOf = ({ addresses }) => (addresses.every(({ failure }) => failure) ? addresses[0]?.failure : null);

/** Whom an address led to, where the host was looked up. */
const found = ({ host }, report) => (report.discovery && report.host !== host ? ` Found for ${host}: ${report.host}.` : '');

function where(account, report) {
  const { addresses } = report;
  const [port, security] = [report.port ?? account.port, report.security ?? account.security];
  const place = addresses.length > 1 ? count(addresses.length, 'address', 'addresses') : addresses[0]?.address;
  return `${[port && `Port ${port}`, security && encryption(security), place].filter(Boolean).join(', ')}.${found(account, report)}`;
}

function login(account, report) {
  if (report.auth.authenticated) return `The login as ${account.username} was accepted.`;
  return 'The server is fine. Whether your login works is not known yet: enter the password to test it.';
}

/**
 * Judge a report.
 * @returns {{tone: string, sentence: string, more: string}}
 */
export function judge(account, report) {
  const name = account.host;
  const place = where(account, report);
  const warnings = report.findings.filter(({ severity }) => severity === 'warning').length;
  switch (report.verdict) {
    case 'works': return { tone: 'good', sentence: `${name} works`, more: `${login(account, report)} ${place}` };
    case 'warnings': return {
      tone: 'warning', sentence: `${name} works, with ${count(warnings, 'warning')}`,
      more: report.auth.authenticated ? `${login(account, report)} ${place}` : `The login was not tried. ${place}`,
    };
    case 'later': return { tone: 'warning', sentence: `${name} asks clients to retry later`, more: place };
    case 'unknown': return { tone: 'warning', sentence: `Could not determine whether ${name} works`, more: 'The look-up failed on this side.' };
  }
  if (report.auth.failure?.phase === 'token') return { tone: 'bad', sentence: `There is no access token for ${name}`, more: `Connection and encryption are fine. ${place}` };
  if (report.auth.failure) return { tone: 'bad', sentence: `${name} refuses the login`, more: `Connection and encryption are fine. ${place}` };
  const step = failureOf(report)?.phase;
  const stop = step ? `It fails at the step “${phases[step] ?? step}”. ` : '';
  return { tone: 'bad', sentence: `${name} does not work`, more: `${stop}${place}` };
}
