// Shows the view that the page's address names. Views are loaded when they are first opened.

import { format, parse } from './address.js';
import { alarm, byId, elements } from './dom.js';

/** @typedef {{path: string[], query: Record<string, string>}} Place */
/** @typedef {{open: (place: Place) => void | Promise<void>, close?: () => void}} View */

/** @type {Map<string, {load: () => Promise<View>, title: string}>} */
const views = new Map();
/** @type {{name: string, view: View | null}} */
let current = { name: '', view: null };
let asked = 0; // the newest navigation wins

/** Make a view known: `load()` gives its module. */
export function define(name, title, load) {
  views.set(name, { title, load });
}

/** The address as it is now. */
export const here = () => parse(location.hash);

/** Which view is open. */
export const openView = () => current.name;

/** Go to an address; with `replace` the one before is not in the history. */
export function go(view, path = [], query = {}, { replace = false } = {}) {
  const address = format(view, path, query);
  if (replace) history.replaceState(null, '', address);
  else if (location.hash !== address) history.pushState(null, '', address);
  return navigate();
}

/** Change the address, and nothing else. */
export const note = (view, path = [], query = {}) => history.replaceState(null, '', format(view, path, query));

/** Change the address with an entry in the history, and nothing else. */
export const advance = (view, path = [], query = {}) => history.pushState(null, '', format(view, path, query));

export function setTitle(text) {
  document.title = `${text} – smtps`;
}

function markNav(name) {
  const own = name === 'explain' ? 'check' : name; // a part of Check
  for (const link of elements('.nav [data-view]')) {
    if (link.dataset.view === own) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

async function show() {
  const { view: wanted, path, query } = here();
  const name = views.has(wanted) ? wanted : 'check';
  const found = views.get(name);
  asked += 1;
  const mine = asked;
  alarm();
  let view;
  try {
    view = await found?.load();
  } catch {
    alarm('This part of the page cannot be loaded. Reload the page.');
    return;
  }
  if (mine !== asked || !view || !found) return;
  const moved = current.name !== name;
  if (moved) current.view?.close?.();
  current = { name, view };
  for (const section of elements('main > section[id^="view-"]')) section.hidden = section.id !== `view-${name}`;
  for (const title of elements('main > h1')) title.hidden = title.id !== `${name}-title`;
  markNav(name);
  setTitle(found.title);
  if (moved) scrollTo(0, 0);
  await view.open({ path, query });
}

/** Put the focus on the heading of what is shown, for those who do not see that it changed. */
export function focusHeading() {
  const [heading] = elements('main h1').filter((each) => each.checkVisibility());
  if (heading) heading.tabIndex = -1;
  heading?.focus({ preventScroll: true });
}

/** Show what the address names, and take the focus along where nothing else has taken it. */
async function navigate() {
  const before = document.activeElement;
  await show();
  const now = document.activeElement;
  if (now === document.body || (now === before && before?.closest('a'))) focusHeading();
}

export function startRouter() {
  addEventListener('hashchange', navigate);
  byId('skip').addEventListener('click', (event) => {
    event.preventDefault(); // the hash is the view's
    byId('main').focus();
  });
  return show();
}
