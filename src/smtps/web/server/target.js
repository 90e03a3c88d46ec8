// A server as people write it: host, host:port, [v6]:port, a URL, a mail address, @domain.

const STARTTLS_PORTS = [25, 587, 2525, 2587];

/** How TLS begins on a port by default. */
export const securityOf = (port) => (STARTTLS_PORTS.includes(port) ? 'starttls' : 'implicit');

/** @type {Record<string, {port: number, security?: string}>} */
const SCHEMES = {
  smtps: { port: 465 }, submissions: { port: 465 }, ssl: { port: 465 }, tls: { port: 465 },
  smtp: { port: 587 }, submission: { port: 587 }, starttls: { port: 587, security: 'starttls' },
};

/**
 * What a text names.
 * @typedef {{host?: string, port?: number, security?: string, username?: string, address?: string, problem?: string}} Target
 */

const isPort = (text) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;

/** @returns {Target} */
function withPort(host, port) {
  if (!isPort(port)) return { host, problem: 'A port is a number from 1 to 65535.' };
  return { host, port: Number(port), security: securityOf(Number(port)) };
}

/** @returns {Target} */
function url(text) {
  const [, scheme, rest] = /^([a-z]+):\/\/(.*)$/i.exec(text) ?? [];
  const usual = SCHEMES[scheme.toLowerCase()];
  if (!usual) return { problem: `${scheme}:// is not for sending mail. Use smtps:// or smtp://.` };
  const [, login, place] = /^(?:(.*)@)?([^/?#]*)/.exec(rest) ?? [];
  if (login?.includes(':')) return { problem: 'Leave the password out of the address: it has a field of its own.' };
  const found = plain(place);
  return {
    port: usual.port, security: usual.security ?? securityOf(usual.port), ...found,
    ...(login && { username: safely(login) }),
  };
}

function safely(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @returns {Target} */
function plain(text) {
  const [, six, sixPort] = /^\[([0-9a-f:.]+)\](?::(.*))?$/i.exec(text) ?? [];
  if (six) return sixPort === undefined ? { host: six } : withPort(six, sixPort);
  if (text.split(':').length > 2) return { host: text }; // a bare IPv6 address
  const [host, port] = text.split(/:|\s+/);
  return port === undefined || port === '' ? { host } : withPort(host, port);
}

/**
 * Read a target; an empty object where there is nothing.
 * @param {string} text
 * @returns {Target}
 */
export function parseTarget(text) {
  const wanted = text.trim();
  if (!wanted) return {};
  if (wanted.includes('://')) return url(wanted);
  const at = wanted.lastIndexOf('@');
  if (at === 0) return { address: wanted };
  if (at > 0) return { address: wanted, username: wanted };
  return plain(wanted);
}
