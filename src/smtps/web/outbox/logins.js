// The logins of accounts (OAuth 2): how each stands, when it ends, and the command that renews it.

import { badge, copyButton, el, list, put } from '../shared/dom.js';
import { until } from '../shared/until.js';
import { moment } from '../shared/words.js';

const STATES = {
  ready: ['good', 'Logged in', 'is logged in'],
  login_needed: ['bad', 'Login needed', 'needs a login'],
  unknown: ['plain', 'Unknown', 'has not used its login yet'],
};

const HERE = ['127.0.0.1', '[::1]', 'localhost'];

/** The same from the reader's computer, where its token would be protected on the way. */
function fromHere(account) {
  if (location.protocol !== 'https:' && !HERE.includes(location.hostname)) return null;
  return `smtps login --account ${account} --service ${location.origin}`;
}

function command(text, what) {
  if (!text) return null;
  const code = el('code', { class: 'seen' }, text);
  return [el('div', {}, code), copyButton(code, what)];
}

/** When a login ends, as far as the provider says. */
function end({ state, login_ends_at: ends }) {
  if (state !== 'ready') return null;
  return ends ? ['If it is not used, ', until(ends), '.'] : 'The provider does not say.';
}

function card({ account, login }) {
  const [tone, word, sentence] = STATES[login.state];
  const needed = login.state === 'login_needed';
  return el('li', { class: 'held', 'data-tone': tone, 'data-login': account },
    el('h3', {}, `${account} ${sentence}`), badge(word, tone),
    list([
      ['User', login.username && `${login.username} at ${login.host}`],
      ['Why', login.reason],
      [needed ? 'Since' : 'Renewed', login.state !== 'unknown' && moment(login.since)],
      ['Ends', end(login)],
      ['Access token', login.state === 'ready' && login.access_expires_at && ['Renewed before it expires ', until(login.access_expires_at), '.']],
      ['To log in', needed && command(fromHere(account), `the command that logs in ${account} from here`)],
      ['On the server', command(login.command, `the command that logs in ${account} on the server`)],
    ], { class: 'rows' }),
    login.code && el('div', { class: 'need' }, el('code', {}, login.code)));
}

/** @type {string | undefined} */
let shown;

/** Show the logins that somebody has to renew; the others are behind a line that counts them. */
export function showLogins(place, accounts) {
  const known = accounts.filter(({ login }) => login);
  const now = JSON.stringify(known.map(({ account, login }) => [account, login]));
  if (now === shown) return;
  shown = now;
  const needed = known.filter(({ login }) => login.state === 'login_needed');
  const others = known.filter(({ login }) => login.state !== 'login_needed');
  put(place,
    needed.length > 0 && el('ul', { class: 'accounts', 'aria-label': 'Accounts that need a login' }, needed.map(card)),
    others.length > 0 && el('details', { class: 'more' },
      el('summary', {}, `Logins: ${others.map(({ account }) => account).join(', ')}`),
      el('ul', { class: 'accounts', 'aria-label': 'Logins of accounts' }, others.map(card))));
}
