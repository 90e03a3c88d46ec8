// The page's address: which view is open, and what in it. Nothing secret is ever part of it.

/** What an address may hold besides the view; a password or token never. */
const ALLOWED = ['host', 'port', 'security', 'username', 'status', 'account', 'cursor', 'persona', 'q', 'way'];

/**
 * Read a hash such as `#/outbox/1a2b?status=sent`.
 * @param {string} hash
 * @returns {{view: string, path: string[], query: Record<string, string>}}
 */
export function parse(hash) {
  const [place, search = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const [view, ...path] = place.split('/').filter(Boolean).map(decode);
  const query = [...new URLSearchParams(search)].filter(([name]) => ALLOWED.includes(name));
  return { view: view || 'check', path, query: Object.fromEntries(query) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Write one; values that are empty are left out, and names that may not be there as well.
 * @param {string} view
 * @param {string[]} [path]
 * @param {Record<string, string | number | null | undefined>} [query]
 */
export function format(view, path = [], query = {}) {
  const held = ALLOWED.filter((name) => query[name]).map((name) => [name, String(query[name])]);
  const search = held.length ? `?${new URLSearchParams(held)}` : '';
  return `#/${[view, ...path].map(encodeURIComponent).join('/')}${search}`;
}

/** The same place, whatever the order of what is in it. */
export function same(one, other) {
  const [a, b] = [one, other].map((hash) => parse(hash));
  return format(a.view, a.path, a.query) === format(b.view, b.path, b.query);
}
