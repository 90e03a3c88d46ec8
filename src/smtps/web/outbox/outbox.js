// The outbox: its accounts and messages, or one of these; looks for news while it is in sight.

import { showNotices } from './notices.js';
import { events, Problem, request } from '../shared/api.js';
import { dueOf, held, showAccounts, showHeld } from './accounts.js';
import { showLogins } from './logins.js';
import { alarm, announce, byId, mark } from '../shared/dom.js';
import { countProblems } from './problems.js';
import { focusRow, listAddress, setFilter, showQueue, startQueue } from './queue.js';
import { accountMenu } from '../compose/queueing.js';
import { UNDER_WAY } from './states.js';
import { clearSubmission, pathOf, showSubmission } from './submission.js';
import { focusHeading, go, openView } from '../shared/router.js';

const ACCOUNTS = '/api/smtps/accounts';
const SOON = 60_000; // what is due by then is looked at often
const [OFTEN, SELDOM] = [5000, 20_000];

/** @type {any[]} */
let accounts = [];
/** @type {string | null} */
let chosen = null; // the message that is shown in place of the list
let watch = new AbortController(); // what goes on by itself
/** @type {number | undefined} */
let timer;
let away = false; // the service did not answer last time
let drawn = ''; // what is shown of the message and its account

const inSight = () => openView() === 'outbox' && !document.hidden;

/** End what goes on by itself, and begin anew; gives the signal of the new one. */
function begin() {
  clearTimeout(timer);
  watch.abort();
  watch = new AbortController();
  return watch.signal;
}

function again(signal, wait, work) {
  if (!signal.aborted && inSight()) timer = setTimeout(work, wait);
}

function showParts(exists) {
  byId('outbox-none').hidden = exists;
  byId('outbox-list').hidden = !exists || chosen !== null;
  byId('submission').hidden = !exists || chosen === null;
}

/** Ask how the accounts stand; false if there is no outbox. */
async function askAccounts() {
  try {
    accounts = (await request(ACCOUNTS)).accounts;
  } catch (error) {
    if (error.document?.code !== 'outbox.not_configured') throw error;
    showParts(false);
    return false;
  }
  accountMenu('queue-account', 'Any', accounts);
  countProblems(accounts);
  showParts(true);
  return true;
}

/** What an action gives; undefined, with an alarm, where it fails. */
async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (error.name === 'AbortError') return undefined;
    if (!(error instanceof Problem)) throw error;
    alarm(error.message);
    return undefined;
  }
}

// The list

const pressing = ({ status, due }) => status === 'sending'
  || (UNDER_WAY.includes(status) && due && Date.parse(due) - Date.now() < SOON);

async function refresh() {
  const signal = begin();
  const messages = await attempt(async () => {
    if (!await askAccounts()) return null;
    showAccounts('outbox-accounts', accounts, resume);
    showLogins('outbox-logins', accounts);
    showNotices('outbox-notices', accounts, (id) => go('outbox', [id]));
    return showQueue(accounts);
  });
  if (signal.aborted) return;
  if (away && messages) alarm();
  away = messages === undefined;
  if (messages !== null) again(signal, messages?.some(pressing) ? OFTEN : SELDOM, refresh);
}

async function resume(account) {
  alarm();
  await attempt(async () => {
    await request(`${ACCOUNTS}/${encodeURIComponent(account)}/resume`, { method: 'POST' });
    announce(`${account} may send again`);
  });
  look();
}

// One message

function draw(message) {
  const account = accounts.find(({ account: name }) => name === message.account);
  const now = JSON.stringify([message, account]);
  if (now === drawn) return; // whoever reads or copies is left in peace
  drawn = now;
  const waits = UNDER_WAY.includes(message.status);
  showHeld('submission-account', waits && account ? [account] : [], resume);
  showSubmission({ ...message, due: dueOf(message, accounts) }, waits && account && held(account) && account.code, {
    onRetry: () => order(message.id, '/retry', 'POST'), onCancel: () => order(message.id, '', 'DELETE'),
    onNotify: () => order(message.id, '/notify', 'POST'),
  });
}

/** Follow a message to its end, and look after its account meanwhile. */
async function follow(id) {
  const signal = begin();
  /** @type {any} */
  let newest = null;
  const tend = async () => {
    if (!await askAccounts() || signal.aborted) return;
    draw(newest);
    if (UNDER_WAY.includes(newest.status)) again(signal, OFTEN, () => attempt(tend));
  };
  const whole = await attempt(async () => {
    for await (const { data } of events(`${pathOf(id)}/events`, null, signal)) {
      newest = data;
      clearTimeout(timer);
      await tend();
      if (!UNDER_WAY.includes(data.status)) break;
    }
    return true;
  });
  if (signal.aborted) return;
  if (whole && away) alarm();
  away = !whole;
  const untold = newest?.webhook?.status === 'pending';
  if (newest && (!whole || untold)) again(signal, OFTEN, () => follow(id));
}

async function order(id, what, method) {
  alarm();
  await attempt(() => request(pathOf(id) + what, { method }));
  look();
}

/** Look at what is open, if it is in sight. */
function look() {
  begin();
  if (!inSight()) return undefined;
  return chosen === null ? refresh() : follow(chosen);
}

/** Open the view: the list, or the message that the address names. */
export async function open({ path: [id = null], query }) {
  const before = chosen;
  chosen = id;
  if (id !== null) {
    if (before !== id) {
      drawn = '';
      clearSubmission();
    }
    byId('submission-back').setAttribute('href', listAddress());
    showParts(true);
    scrollTo(0, 0);
    focusHeading();
    look();
    return;
  }
  setFilter(query);
  await look();
  byId('queue-account').value = query.account ?? '';
  if (before !== null && !focusRow(before)) focusHeading();
}

export function close() {
  begin();
  chosen = null;
}

const wide = matchMedia('(min-width: 64rem)');
const unfold = () => { byId('accounts-fold').open = wide.matches; };
wide.addEventListener('change', unfold);
unfold();
byId('submission-back').prepend(mark('left'));
startQueue(refresh);
document.addEventListener('visibilitychange', look);
