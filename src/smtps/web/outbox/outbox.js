// The outbox: its accounts and messages, and one of these; looks for news while it is in sight.
// Loaded when it is opened for the first time.

import { showNotices } from './notices.js';
import { events, Problem, request } from '../shared/api.js';
import { dueOf, showAccounts } from './accounts.js';
import { showLogins } from './logins.js';
import { alarm, announce, byId, reveal } from '../shared/dom.js';
import { focusRow, showQueue, startQueue } from './queue.js';
import { accountMenu, offerQueue } from '../compose/queueing.js';
import { UNDER_WAY } from './states.js';
import { clearSubmission, pathOf, showSubmission } from './submission.js';
import { onOpen, open, openTab } from '../shared/tabs.js';

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

const inSight = () => openTab() === 'outbox' && !document.hidden;

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
  offerQueue(accounts);
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
    showNotices('outbox-notices', accounts, show);
    return showQueue(accounts, show);
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
  showAccounts('submission-account', waits && account ? [account] : [], resume);
  showSubmission({ ...message, due: dueOf(message, accounts) }, waits && account?.code, {
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

function show(id) {
  chosen = id;
  drawn = '';
  clearSubmission();
  showParts(true);
  byId('submission-title').focus({ preventScroll: true });
  reveal(byId('panels'));
  look();
}

async function back() {
  const before = chosen;
  chosen = null;
  showParts(true);
  await refresh();
  if (!focusRow(before)) byId('tab-outbox').focus();
}

/** Look at what is open, if it is in sight. */
function look() {
  begin();
  if (!inSight()) return;
  if (chosen === null) refresh();
  else follow(chosen);
}

/** Go to a message that has just been queued. */
export function showQueued({ id, replayed }) {
  open('outbox');
  show(id);
  announce(replayed ? 'Already queued earlier' : 'Queued');
}

startQueue(refresh);
onOpen(look);
document.addEventListener('visibilitychange', look);
byId('submission-back').addEventListener('click', back);
look();
