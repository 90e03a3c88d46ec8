// The tabs: arrow keys, Home and End move between them (the ARIA pattern).

import { byId, elements } from './dom.js';

const tabs = elements('[role="tab"]');
const shown = () => tabs.filter((tab) => !tab.hidden);
const listeners = [];

/** Which tab is open: check, send, outbox, ports or inbox. */
export const openTab = () => tabs.find((tab) => tab.ariaSelected === 'true')?.id.slice('tab-'.length);

export function open(name) {
  for (const tab of tabs) {
    const chosen = tab.id === `tab-${name}`;
    tab.ariaSelected = String(chosen);
    tab.tabIndex = chosen ? 0 : -1;
    byId(tab.getAttribute('aria-controls') ?? '').hidden = !chosen;
  }
  for (const listener of listeners) listener(name);
}

/** Call `listener(name)` whenever a tab is opened. */
export function onOpen(listener) {
  listeners.push(listener);
}

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

function move(event) {
  const all = shown();
  const here = all.indexOf(event.currentTarget);
  const targets = { Home: all[0], End: all.at(-1) };
  const next = targets[event.key] ?? (STEPS[event.key] && all.at((here + STEPS[event.key]) % all.length));
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
}

for (const tab of tabs) {
  tab.addEventListener('click', () => open(tab.id.slice('tab-'.length)));
  tab.addEventListener('keydown', move);
}
