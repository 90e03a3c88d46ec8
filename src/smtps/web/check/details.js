// What a check tells beyond certificate and capabilities, where there is anything to tell.

import { list } from '../shared/dom.js';
import { fold } from '../shared/folds.js';
import { milliseconds } from '../shared/words.js';

const yes = (failure) => failure?.message ?? 'accepted';
const places = (servers) => servers.map(({ host, port, security }) => `${host}:${port} (${security})`).join(', ');
const ORIGINS = {
  environment: 'an environment variable',
  request: 'this request',
  given: 'the caller',
  source: 'the caller’s source of tokens',
  store: 'the stored login',
  renewed: 'the stored login, renewed for this check',
  client_credentials: 'the authorization server, for the application itself',
  jwt_bearer: 'the authorization server, for the service account',
};
const KINDS = { jwt: 'a JWT', encrypted: 'an encrypted JWT', opaque: 'opaque: only the server can read it' };
const looked = ({ version, cipher, failure }) => (version ? `${version}, ${cipher}` : failure?.message);

/** @type {[title: string, rows: (report: any) => any[][]][]} */
const SECTIONS = [
  ['Mail programs that would fail', ({ clients }) => clients.map(({ client, why }) => [client, why])],
  ['Additional probes', ({ addresses }) => (addresses[0]?.looks ?? []).map((look) => [look.name, looked(look)])],
  ['Login, by each mechanism', ({ auth }) => auth.mechanisms.map(({ name, failure }) => [name, yes(failure)])],
  ['Access token, whose signature was not checked', ({ token }) => (token ? [
    ['From', ORIGINS[token.origin] + (token.milliseconds ? `, in ${milliseconds(token.milliseconds)}` : '')],
    ['Kind', (KINDS[token.kind] ?? 'none') + (token.unread ? `, but ${token.unread}` : '')],
    ['Issuer', token.issuer],
    ['Audience', token.audience.join(', ')],
    ['Scopes', token.scopes.join(', ')],
    ['Roles', token.roles.join(', ')],
    ['Valid from', token.not_before],
    ['Expires', token.expires_at],
    ['User', token.user],
    ['Application', token.application],
    ['Tenant', token.tenant],
  ] : [])],
  ['DNS', ({ dns }) => (dns ? [
    ['Asked', dns.resolver ?? 'no answer'],
    ['CNAME', dns.canonical],
    ...dns.reverse.map(({ address, names, confirmed }) =>
      [address, names.length ? names.join(', ') + (confirmed ? '' : ', not confirmed') : 'no name']),
    ['TLSA', dns.tlsa.join('; ')],
  ] : [])],
  ['How the server was found', ({ discovery }) =>
    (discovery?.steps ?? []).map(({ asked, servers, remark }) => [asked, places(servers) || remark])],
];

/** A fold for each of the sections that has something to say. */
export function detailBlocks(report) {
  return SECTIONS.map(([title, rows]) => ({ title, rows: rows(report).filter(([, text]) => text) }))
    .filter(({ rows }) => rows.length > 0)
    .map(({ title, rows }) => fold(title, [...new Set(rows.map(([name]) => name))].join(', '), list(rows, { class: 'rows' })));
}
