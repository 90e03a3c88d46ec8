// How a program sends to the sandbox: settings for the usual libraries and mail programs.

/** A literal for PHP or a shell, in single quotes. */
const quoted = (text) => `'${String(text).replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const json = (value) => JSON.stringify(value);

/** @typedef {{host: string, port: number, security: string, username: string, password: string, ca_file: string}} Server */

/** @param {Server} server */
function smtplib({ host, port, security, username, password, ca_file: ca }) {
  const at = `${json(host)}, ${port}`;
  const [open, start] = security === 'implicit'
    ? [`smtplib.SMTP_SSL(${at}, context=context)`, []] : [`smtplib.SMTP(${at})`, ['    smtp.starttls(context=context)']];
  return [
    'import smtplib, ssl', '', `context = ssl.create_default_context(cafile=${json(ca)})`, `with ${open} as smtp:`, ...start,
    `    smtp.login(${json(username)}, ${json(password)})`, '    smtp.send_message(message)',
  ];
}

/** @param {Server} server */
function nodemailer({ host, port, security, username, password, ca_file: ca }) {
  return [
    "import { readFileSync } from 'node:fs';", "import nodemailer from 'nodemailer';", '',
    'const transport = nodemailer.createTransport({',
    `  host: ${json(host)}, port: ${port}, secure: ${security === 'implicit'},${security === 'implicit' ? '' : ' requireTLS: true,'}`,
    `  auth: { user: ${json(username)}, pass: ${json(password)} },`,
    `  tls: { ca: readFileSync(${json(ca)}) },`, '});',
  ];
}

/** @param {Server} server */
function phpMailer({ host, port, security, username, password, ca_file: ca }) {
  return [
    '$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);', '$mail->isSMTP();',
    `$mail->Host = ${quoted(host)};`, `$mail->Port = ${port};`,
    `$mail->SMTPSecure = ${quoted(security === 'implicit' ? 'ssl' : 'tls')};`, '$mail->SMTPAuth = true;',
    `$mail->Username = ${quoted(username)};`, `$mail->Password = ${quoted(password)};`,
    `$mail->SMTPOptions = ['ssl' => ['cafile' => ${quoted(ca)}]];`,
  ];
}

/** @param {Server} server */
function django({ host, port, security, username, password, ca_file: ca }) {
  return [
    '# settings.py; start Django with', `#   SSL_CERT_FILE=${ca}`,
    `EMAIL_HOST = ${json(host)}`, `EMAIL_PORT = ${port}`,
    security === 'implicit' ? 'EMAIL_USE_SSL = True' : 'EMAIL_USE_TLS = True',
    `EMAIL_HOST_USER = ${json(username)}`, `EMAIL_HOST_PASSWORD = ${json(password)}`,
  ];
}

/** @param {Server} server */
function spring({ host, port, security, username, password, ca_file: ca }) {
  const way = security === 'implicit' ? ['ssl.enable'] : ['starttls.enable', 'starttls.required'];
  return [
    '# application.properties; start the program with a trust store that has', `#   ${ca}`,
    `spring.mail.host=${host}`, `spring.mail.port=${port}`,
    `spring.mail.username=${username}`, `spring.mail.password=${password}`,
    'spring.mail.properties.mail.smtp.auth=true',
    ...way.map((name) => `spring.mail.properties.mail.smtp.${name}=true`),
  ];
}

/** @param {Server} server */
function msmtp({ host, port, security, username, password, ca_file: ca }) {
  return [
    '# ~/.msmtprc', 'account sandbox', `host ${host}`, `port ${port}`, 'tls on', `tls_starttls ${security === 'implicit' ? 'off' : 'on'}`,
    `tls_trust_file ${ca}`, 'auth plain', `user ${username}`, `password ${password}`, `from ${username}`,
  ];
}

/** Name of the program → lines; the order is that of the choice. */
const PROGRAMS = {
  smtplib, Nodemailer: nodemailer, PHPMailer: phpMailer, Django: django, Spring: spring, msmtp,
};

/**
 * The settings as each program wants them: name → text.
 * @param {Server} server
 * @returns {Record<string, string>}
 */
export const setups = (server) => Object.fromEntries(
  Object.entries(PROGRAMS).map(([name, lines]) => [name, lines(server).join('\n')]));
