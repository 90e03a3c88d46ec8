// The page: joins the views, and starts them.

import { Problem, request } from './shared/api.js';
import { alarm, announce, byId, el, put } from './shared/dom.js';
import { forgetResults } from './shared/kept.js';
import { define, go, here, note, startRouter } from './shared/router.js';
import { sandbox, setSandbox } from './shared/sandbox.js';
import { forget, remember } from './shared/store.js';
import { setToken } from './shared/token.js';
import { hideForm, resetForm, settle } from './server/form.js';
import { setProviders } from './server/providers.js';
import { countProblems } from './outbox/problems.js';
import * as explain from './explain/explain.js';
import * as check from './check/check.js';

/** A view without a server. */
const alone = (load) => async () => {
  const view = await load();
  return { ...view, open: (place) => { hideForm(); return view.open(place); } };
};

define('check', 'Check a server', async () => check);
define('explain', 'What a message means', async () => explain);
define('ports', 'Compare ports', () => import('./ports/ports.js'));
define('send', 'Send a message', () => import('./compose/compose.js'));
define('outbox', 'Outbox', alone(() => import('./outbox/outbox.js')));
define('inbox', 'Inbox', alone(() => import('./inbox/inbox.js')));

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
  forgetResults();
  setToken('');
  resetForm();
  byId('compose').reset();
  announce('Forgotten');
  byId('forget').textContent = 'Forgotten';
  setTimeout(() => { byId('forget').textContent = 'Forget it all'; }, 2000);
  if (here().view === 'check') go('check');
}

const SHOWN = ['healthy', 'expired', 'three-faults', 'plaintext', 'bad-password', 'silent', 'greylisting', 'drop-after-data'];

/** Servers with a fault, for those who have none at hand. */
function offerPersonas({ personas }) {
  const chosen = SHOWN.map((name) => personas.find((persona) => persona.name === name)).filter(Boolean);
  const chip = ({ name, summary }) => el('li', {}, el('button', {
    type: 'button', class: 'chip', title: summary, onclick: () => tryPersona(name),
  }, name));
  put('try-list', chosen.map(chip));
  byId('try-all').textContent = `All ${personas.length} test servers`;
  byId('try').hidden = false;
}

async function tryPersona(name) {
  const { tryIt } = await import('./inbox/personas.js');
  tryIt(sandbox().personas.find((persona) => persona.name === name));
}

/** Settings in the page's address, as links of earlier releases have them. */
function fromQuery() {
  const query = new URLSearchParams(location.search);
  const host = query.get('host');
  if (!host) return;
  history.replaceState(null, '', location.pathname);
  note('check', [], { host, port: query.get('port'), security: query.get('security') });
}

explain.startExplain();
remember();
settle();
fromQuery();
byId('forget').addEventListener('click', forgetAll);

const offered = Promise.all([
  optional('/api/smtps/providers', ({ providers }) => setProviders(providers)),
  optional('/api/smtps/accounts', ({ accounts }) => countProblems(accounts)),
  optional('/api/sandbox', (found) => {
    setSandbox(found);
    byId('nav-inbox').hidden = false;
    offerPersonas(found);
  }),
]);

if (here().view === 'inbox') await offered;
await startRouter();
