// The same by curl, Python, shell or link. No password is ever in it, only where it would stand.

import { copyButton, el } from './dom.js';
import { fold } from './folds.js';
import { segments } from './segments.js';
import { authorization } from './token.js';

const VARIABLE = 'SMTP_PASSWORD';

/** A word for a POSIX shell. */
const sh = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`);

/** A literal for Python; JSON's escapes are valid there. */
const py = (value) => (Array.isArray(value) ? `[${value.map(py).join(', ')}]` : JSON.stringify(value));

/** Those of the parts that are there. */
const some = (...parts) => parts.flat().filter((part) => typeof part === 'string');

const target = ({ host, port }) => (!port ? host : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
const secretOf = ({ password, access_token: token }) => (password ? 'password' : token && 'token');

const HERE = 'the secret stands here';

/** What goes into the request about server and account, with a mark where the secret stands. */
function masked({ password, access_token: token, ...open }) {
  return { ...open, ...(password && { password: HERE }), ...(token && { access_token: HERE }) };
}

/** JSON to curl by a here-document: nothing of it shows in the list of processes. */
function curl(path, account, message, files = []) {
  const attachments = files.map(({ name }, at) => ({ filename: name, content: `file ${at} stands here` }));
  const body = { ...masked(account), ...message, ...(files.length && { attachments }) };
  let text = JSON.stringify(body, null, 2).replace(/[\\$`]/g, String.raw`\$&`).replace(HERE, () => `$${VARIABLE}`);
  files.forEach(({ name }, at) => {
    text = text.replace(`file ${at} stands here`, () => `$(base64 < ${sh(name)} | tr -d '\\n')`);
  });
  return some(
    secretOf(account) && `# with the ${secretOf(account)} in $${VARIABLE}`,
    `curl ${sh(location.origin + path)} \\`,
    authorization().Authorization && '  -H "Authorization: Bearer $SMTPS_TOKEN" \\',
    "  -H 'Content-Type: application/json' -d @- <<END", text, 'END',
  ).join('\n');
}

function pythonAccount({ host, port, security, username, password, access_token: token, ehlo_name: name }) {
  return some(
    `    ${py(host)},`, port && `    port=${port},`,
    security === 'starttls' && '    security="starttls",',
    username && `    username=${py(username)},`,
    password && `    password=os.environ["${VARIABLE}"],`,
    token && `    access_token=os.environ["${VARIABLE}"],`,
    name && `    ehlo_name=${py(name)},`,
  );
}

function python(account, files, lines) {
  const needed = some(secretOf(account) && 'import os', files.length > 0 && 'from pathlib import Path');
  return some(needed, needed.length > 0 && '', 'import smtps', '', lines).join('\n');
}

function shell(command, account, more = []) {
  const secret = secretOf(account);
  const options = some(
    `smtps ${command}`,
    account.security === 'starttls' && '--starttls',
    account.ehlo_name && `--ehlo-name ${sh(account.ehlo_name)}`,
    account.username && `--username ${sh(account.username)}`,
    secret && `--${secret}-env ${VARIABLE}`,
    more,
  );
  return some(secret && `# with the ${secret} in $${VARIABLE}`, options.join(' \\\n  ')).join('\n');
}

/** The fold with all the ways: name → text. */
function block(texts, remark) {
  const text = el('pre', { class: 'text', tabindex: 0, role: 'group', 'aria-label': 'Run it yourself' });
  const choice = segments('Language', Object.keys(texts), (name) => { text.textContent = texts[name]; });
  return fold('Run it yourself', Object.keys(texts).join(', '), [
    el('div', { class: 'head' }, choice, copyButton(text, 'the snippet')),
    text,
    remark && el('p', { class: 'hint' }, remark)]);
}

const SANDBOXED = 'Only this service trusts the sandbox’s certificate: for Python and the shell, give its CA file '
  + '(ca_file, --ca-file), printed by smtps serve --json.';

/** A check, with the account as the service takes it. */
export function checkSnippets(account, sandboxed) {
  return block({
    curl: curl('/api/smtps/check?detail=full', account),
    Python: python(account, [], [
      'report = smtps.sync.check(', ...pythonAccount(account), ')', 'print(report.verdict)',
      'for finding in report.findings:', '    print(finding.meaning, finding.fix, sep="\\n  ")']),
    Shell: shell(`check ${sh(target(account))}`, account),
  }, sandboxed && SANDBOXED);
}

export function sendSnippets(account, message, files, sandboxed) {
  const { from, to, cc, bcc, subject, body, html, partial } = message;
  const people = Object.entries({ to, cc, bcc }).filter(([, list]) => list?.length);
  const attached = files.map(({ name }) =>
    `        smtps.Attachment(filename=${py(name)}, content=Path(${py(name)}).read_bytes()),`);
  const inPython = some(
    'message = smtps.Message(', `    from_=${py(from)},`,
    people.map(([name, list]) => `    ${name}=${py(list)},`),
    `    subject=${py(subject)},`, body != null && `    text=${py(body)},`, html && `    html=${py(html)},`,
    files.length > 0 && ['    attachments=[', ...attached, '    ],'].join('\n'), ')',
    'result = smtps.sync.send(', '    message,', pythonAccount(account), partial && '    partial="send",', ')',
    'print(result.outcome, result.reply)');
  const options = some(
    `--from ${sh(from)}`,
    people.flatMap(([name, list]) => list.map((who) => `--${name} ${sh(who)}`)),
    `--subject ${sh(subject)}`, body != null && `--body ${sh(body)}`, html && '--html-file message.html',
    files.map(({ name }) => `--attach ${sh(name)}`), partial && '--partial send');
  return block({
    curl: curl('/api/smtps/send', account, message, files),
    Python: python(account, files, inPython),
    Shell: shell(`send --host ${sh(target(account))}`, account, options),
  }, sandboxed && SANDBOXED);
}

export function portsSnippets(host) {
  return block({
    curl: `curl ${sh(`${location.origin}/api/smtps/ports/${encodeURIComponent(host)}`)}`,
    Shell: `smtps ports ${sh(host)}`,
  });
}
