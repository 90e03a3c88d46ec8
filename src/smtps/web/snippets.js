// The same by curl, Python, shell or link. No password is ever in it, only where it would stand.

import { copyButton, el } from './dom.js';
import { segments } from './segments.js';

const VARIABLE = 'SMTP_PASSWORD';

/** A word for a POSIX shell. */
const sh = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${String(text).replaceAll("'", String.raw`'\''`)}'`);

/** A literal for Python; JSON's escapes are valid there. */
const py = (value) => JSON.stringify(value);

const target = ({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

/** What the request body says about server and account, with a mark where the secret stands. */
const SECRET = 'the secret stands here';
function masked(account) {
  const { password, access_token: token, ...open } = account;
  return { ...open, ...(password && { password: SECRET }), ...(token && { access_token: SECRET }) };
}

/** JSON to curl by a here-document: nothing of it shows in the list of processes. */
function curl(path, body, files = []) {
  const filed = files.length ? { attachments: files.map((file, at) => ({ filename: file.name, content: `file ${at} stands here` })) } : {};
  let text = JSON.stringify({ ...body, ...filed }, null, 2).replace(/[\\$`]/g, String.raw`\$&`);
  const secret = text.includes(`"${SECRET}"`);
  text = text.replace(SECRET, () => `$${VARIABLE}`);
  files.forEach((file, at) => {
    text = text.replace(`file ${at} stands here`, () => `$(base64 < ${sh(file.name)} | tr -d '\\n')`);
  });
  return [
    ...(secret ? [`# with the password in $${VARIABLE}`] : []),
    `curl ${sh(location.origin + path)} -H 'Content-Type: application/json' -d @- <<END`, text, 'END',
  ].join('\n');
}

function pythonAccount({ port, security, username, password, access_token: token, ehlo_name: name }) {
  return [
    `    port=${port},`,
    ...(security === 'starttls' ? ['    security="starttls",'] : []),
    ...(username ? [`    username=${py(username)},`] : []),
    ...(password ? [`    password=os.environ["${VARIABLE}"],`] : []),
    ...(token ? [`    access_token=os.environ["${VARIABLE}"],`] : []),
    ...(name ? [`    ehlo_name=${py(name)},`] : []),
  ];
}

const python = (account, ...lines) => [
  ...(account.password || account.access_token ? ['import os', ''] : []), 'import smtps', '', ...lines,
].join('\n');

function shell(command, { security, username, password, access_token: token, ehlo_name: name }, more = []) {
  const secret = token ? 'token' : 'password';
  const options = [
    ...(security === 'starttls' ? ['--starttls'] : []),
    ...(name ? [`--ehlo-name ${sh(name)}`] : []),
    ...(username ? [`--username ${sh(username)}`] : []),
    ...(password || token ? [`--${secret}-env ${VARIABLE}`] : []),
    ...more,
  ];
  return [
    ...(password || token ? [`# with the ${secret} in $${VARIABLE}`] : []),
    [`smtps ${command}`, ...options].join(' \\\n  '),
  ].join('\n');
}

/** The block with all the ways; `texts` are [name, text]. */
function block(title, texts, remark) {
  const text = el('pre', { class: 'text', tabindex: 0, role: 'group', 'aria-label': title });
  const choice = segments('Language', texts.map(([name]) => [name, name]), (name) => {
    text.textContent = texts.find(([other]) => other === name)[1];
  });
  return el('details', {},
    el('summary', {}, title),
    el('div', { class: 'block' },
      el('div', { class: 'heading' }, choice, copyButton(text, 'the snippet')),
      text,
      remark ? el('p', { class: 'hint' }, remark) : null));
}

const SANDBOXED = 'Outside this service nothing trusts the sandbox’s certificate: give Python and shell its CA file (ca_file, --ca-file), as smtps serve --json names it.';

function link({ host, port, security }) {
  return `${location.origin}/?${new URLSearchParams({ host, port, security })}`;
}

export function checkSnippets(account, sandboxed) {
  return block('Check it with curl, Python or the shell', [
    ['curl', curl('/api/smtps/connect?detail=full', masked(account))],
    ['Python', python(account,
      'report = smtps.sync.check(', `    ${py(account.host)},`, ...pythonAccount(account), ')',
      'print(report.verdict)', 'for finding in report.findings:', '    print(finding.meaning, finding.fix, sep="\\n  ")')],
    ['Shell', shell(`check ${sh(target(account))}`, account)],
    ['Link', link(account)],
  ], sandboxed && SANDBOXED);
}

export function sendSnippets(account, message, files, sandboxed) {
  const { from, to, cc, bcc, subject, body, html, partial } = message;
  const people = [['to', to], ['cc', cc], ['bcc', bcc]].filter(([, list]) => list?.length);
  const attached = files.map((file) => `        smtps.Attachment(filename=${py(file.name)}, content=Path(${py(file.name)}).read_bytes()),`);
  const text = python(account,
    ...(files.length ? ['from pathlib import Path', ''] : []),
    'message = smtps.Message(', `    from_=${py(from)},`,
    ...people.map(([name, list]) => `    ${name}=${py(list)},`),
    `    subject=${py(subject)},`,
    ...(body == null ? [] : [`    text=${py(body)},`]),
    ...(html ? [`    html=${py(html)},`] : []),
    ...(files.length ? ['    attachments=[', ...attached, '    ],'] : []), ')',
    'result = smtps.sync.send(', '    message,', `    ${py(account.host)},`, ...pythonAccount(account),
    ...(partial === 'send' ? ['    partial="send",'] : []), ')',
    'print(result.outcome, result.reply)');
  const options = [
    `--from ${sh(from)}`,
    ...people.flatMap(([name, list]) => list.map((who) => `--${name} ${sh(who)}`)),
    `--subject ${sh(subject)}`,
    ...(body == null ? [] : [`--body ${sh(body)}`]),
    ...(html ? ['--html-file message.html'] : []),
    ...files.map((file) => `--attach ${sh(file.name)}`),
    ...(partial === 'send' ? ['--partial send'] : []),
  ];
  return block('Send it with curl, Python or the shell', [
    ['curl', curl('/api/smtps/send', masked({ ...account, ...message }), files)],
    ['Python', text],
    ['Shell', shell(`send --host ${sh(target(account))}`, account, options)],
  ], sandboxed && SANDBOXED);
}

export function portsSnippets(host) {
  return block('Compare them with curl or the shell', [
    ['curl', `curl ${sh(`${location.origin}/api/smtps/ports/${encodeURIComponent(host)}`)}`],
    ['Shell', `smtps ports ${sh(host)}`],
  ]);
}
