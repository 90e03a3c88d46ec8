// Passing a result on: copied, saved, or as a link.

import { announce, el, mark } from './dom.js';

/** Say “Copied” on a button for two seconds. */
function tell(button, text) {
  const label = button.querySelector('.label');
  const before = label.dataset.text ?? label.textContent;
  label.dataset.text = before;
  label.textContent = text;
  announce(`${before}: ${text}`);
  setTimeout(() => { label.textContent = before; }, 2000);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    tell(button, 'Copied');
  } catch {
    tell(button, 'The browser does not allow copying');
  }
}

/** Have the browser save a text or the octets of a Blob as a file. */
export function save(content, name, type = 'text/html') {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A name that is fit for a file on any system. */
export const fileName = (text, ending) => `${text.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[.-]+|[.-]+$/g, '').slice(0, 80) || 'smtps'}.${ending}`;

export const shareButton = (icon, text, act) => el('li', {}, el('button', { type: 'button', onclick: ({ currentTarget }) => act(currentTarget) },
  mark(icon), el('span', { class: 'label' }, text)));

/** A list of buttons: name → what is copied or done. */
export function shareCard(title, buttons, remark) {
  return el('section', { class: 'card' }, el('h2', { class: 'acts-title' }, title),
    el('ul', { class: 'acts' }, buttons), remark && el('p', { class: 'acts-note' }, remark));
}

export const copyText = (text) => (button) => copy(text, button);
export const copyLink = () => shareButton('link', 'Copy link', copyText(location.href));
