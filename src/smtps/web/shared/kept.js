// Results that survive a reload: in this tab only, the newest few, without any password.

const KEY = 'smtps-results';
const MOST = 5;

/** @type {[address: string, result: any][]} */
let results = [];
try {
  results = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
} catch {
  // Storage is switched off, or holds something else.
}

function write() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(results));
  } catch {
    // Too large, or switched off: the results live as long as the page.
  }
}

/** Keep the result that an address shows. */
export function keepResult(address, result) {
  results = [/** @type {[string, any]} */ ([address, result]), ...results.filter(([other]) => other !== address)].slice(0, MOST);
  write();
}

/** The result of an address, or undefined. */
export const keptResult = (address) => results.find(([other]) => other === address)?.[1];

export function forgetResult(address) {
  results = results.filter(([other]) => other !== address);
  write();
}

export function forgetResults() {
  results = [];
  write();
}
