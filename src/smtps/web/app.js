// The page: joins the parts, and starts them.

import { fill, form, readAccount, readHost, settle } from './server/account.js';
import { Problem, request } from './shared/api.js';
import { setLimit } from './compose/attachments.js';
import { sizeLimit } from './check/capabilities.js';
import { check } from './check/check.js';
import { mistake, queue, send } from './compose/compose.js';
import { alarm, announce, byId, put } from './shared/dom.js';
import { startExplain } from './explain/explain.js';
import { refresh, startInbox } from './inbox/inbox.js';
import { isSandbox, startPersonas } from './inbox/personas.js';
import { comparePorts } from './ports/ports.js';
import { setProviders } from './server/providers.js';
import { offerQueue } from './compose/queueing.js';
import { forget, keep, remember } from './shared/store.js';
import { onOpen, open } from './shared/tabs.js';
import { setToken } from './shared/token.js';

const context = {
  sandboxed: isSandbox,
  onMistake: mistake,
  onTry: (settings) => use(settings),
  onInbox: () => open('inbox'),
  onAnswer: (_account, answer) => setLimit(sizeLimit(answer.capabilities ?? [])),
  onSent: (account) => isSandbox(account) && refresh(),
};

/** Loaded when it is wanted: most who come want a check. */
const outbox = () => import('./outbox/outbox.js').catch(() => alarm('The outbox cannot be loaded. Reload the page.'));

function startCheck() {
  const account = readAccount();
  if (!account) return;
  open('check');
  check(account, context);
}

/** Fill in settings, and check them. */
function use(settings) {
  fill(settings);
  startCheck();
}

function startPorts() {
  const host = readHost();
  if (!host) return;
  alarm();
  open('ports');
  comparePorts(host, { onUse: use, onMistake: mistake });
}

function startSend() {
  const account = readAccount();
  if (account) send(account, context);
}

/** Show a persona's failure: by a check, or by a message where it takes one. */
function tryPersona(fields, { name, finding }) {
  fill(fields);
  if (!finding?.startsWith('send.')) {
    startCheck();
    return;
  }
  const sample = { from: fields.username, to: 'bob@example.org', subject: `To ${name}`, text: 'Does it arrive?' };
  for (const [field, text] of Object.entries(sample)) byId(`compose-${field}`).value ||= text;
  keep();
  open('send');
  startSend();
}

function showVia() {
  const [host, port] = [byId('host').value.trim(), byId('port').value.trim()];
  byId('compose-via').textContent = host ? `Sent through ${host}, port ${port}.` : 'Sent through the mail server in the form.';
}

/** Settings in the page's address, as a copied link has them. */
function fromAddress() {
  const query = new URLSearchParams(location.search);
  const known = ['host', 'port', 'security'].filter((name) => query.has(name));
  if (known.length) fill(Object.fromEntries(known.map((name) => [name, query.get(name)])));
}

/** A part of the service that this page can do without. */
async function optional(path, take) {
  try {
    take(await request(path));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!/^(api\.not_found|api\.token_needed|outbox\.not_configured)$/.test(error.document.code)) alarm(error.message);
  }
}

function forgetAll() {
  forget();
  setToken('');
  form.reset();
  byId('compose').reset();
  put('provider-note');
  settle();
  showVia();
  announce('Forgotten');
  byId('forget').textContent = 'Forgotten';
  setTimeout(() => { byId('forget').textContent = 'Forget it all'; }, 2000);
}

startExplain();
remember();
settle();
fromAddress();
showVia();
onOpen(showVia);
onOpen((name) => name === 'outbox' && outbox());
form.addEventListener('submit', (event) => { event.preventDefault(); startCheck(); });
byId('compose').addEventListener('submit', (event) => { event.preventDefault(); startSend(); });
byId('queue-up').addEventListener('click', () => queue(async (answer) => (await outbox())?.showQueued(answer)));
byId('compare').addEventListener('click', startPorts);
byId('ports-start').addEventListener('click', startPorts);
byId('forget').addEventListener('click', forgetAll);
form.addEventListener('input', showVia);
form.addEventListener('change', showVia);
byId('username').addEventListener('change', () => {
  const { value } = byId('username');
  if (value.includes('@')) byId('compose-from').value ||= value;
});

optional('/api/smtps/accounts', ({ accounts }) => offerQueue(accounts));
optional('/api/smtps/providers', ({ providers }) => setProviders(providers));
optional('/api/sandbox', (sandbox) => {
  byId('tab-inbox').hidden = false;
  startPersonas(sandbox, tryPersona);
  startInbox();
});
