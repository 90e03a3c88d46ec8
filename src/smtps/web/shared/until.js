// How long it is until something happens: counted down while it is in sight.

import { el, elements } from './dom.js';
import { ahead, moment } from './words.js';

const SECOND = 1000;

/** A moment ahead in words, such as “in 5 min”. */
export const until = (iso) => el('time', { datetime: iso, title: moment(iso), class: 'until' }, ahead(iso));

setInterval(() => {
  if (document.hidden) return;
  for (const node of /** @type {HTMLTimeElement[]} */ (elements('time.until'))) {
    const words = ahead(node.dateTime);
    if (node.textContent !== words) node.textContent = words;
  }
}, SECOND);
