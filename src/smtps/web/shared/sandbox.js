// The sandbox beside this service: its personas, and whether a server is one of them.

/** @type {any} */
let box = null;

export function setSandbox(found) {
  box = found;
}

export const sandbox = () => box;

/** Whether a server is one of the sandbox's. */
export const isSandbox = ({ host, port }) => Boolean(box?.personas.some((persona) => persona.port === port
  && (persona.host === host || host === 'localhost')));

/** The persona of a name, if the sandbox has one. */
export const personaNamed = (name) => box?.personas.find((persona) => persona.name === name);

/** What goes into the form to meet a persona. */
export function settingsFor(persona) {
  const { host, port, security, shown_by: by, access_token: token } = persona;
  const oauth = by === 'token';
  const password = oauth ? token : box.password;
  return { host, port, security, username: box.username, password, deep: by === 'deep', oauth };
}

/** Personas of each group that have all words of a search. */
export function grouped(personas, search = '') {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map();
  for (const persona of personas) {
    const text = [persona.name, persona.summary, persona.group, ...persona.findings].join(' ').toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    groups.set(persona.group, [...(groups.get(persona.group) ?? []), persona]);
  }
  return groups;
}
