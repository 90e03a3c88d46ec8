import assert from 'node:assert/strict';
import { test } from 'node:test';

import { heldBack } from '../inbox/held.js';
import { setups } from '../inbox/setups.js';
import { grouped, isSandbox, setSandbox, settingsFor } from '../shared/sandbox.js';

const server = {
  host: '127.0.0.1', port: 8025, security: 'implicit', username: "o'neil", password: 'a"b\\c', ca_file: '/tmp/ca.pem',
};

test('what was held back is counted by kind', () => {
  const image = { kind: 'image', source: '' };
  assert.equal(heldBack([image, image, { kind: 'script', source: '' }]), 'Held back: 2 images, 1 script. Nothing was fetched.');
  assert.equal(heldBack([]), '');
});

test('each program gets host, port and authority', () => {
  for (const [name, text] of Object.entries(setups(server))) {
    for (const wanted of ['127.0.0.1', '8025', '/tmp/ca.pem']) assert.ok(text.includes(wanted), `${name}: ${wanted}`);
  }
});

test('the kind of TLS is the one of the server', () => {
  const [at, later] = [setups(server), setups({ ...server, security: 'starttls' })];
  assert.match(at.smtplib, /SMTP_SSL/);
  assert.match(later.smtplib, /smtp\.starttls\(context=context\)/);
  assert.match(later.Nodemailer, /requireTLS: true/);
  assert.match(at.Django, /EMAIL_USE_SSL/);
  assert.match(later.msmtp, /tls_starttls on/);
  assert.match(later.Spring, /starttls\.required=true/);
});

test('quotes in a password stay in it', () => {
  assert.ok(setups(server).smtplib.includes(String.raw`"a\"b\\c"`));
  assert.ok(setups(server).PHPMailer.includes(String.raw`'o\'neil'`));
});

const personas = [
  { name: 'healthy', group: 'Nothing wrong', summary: 'works', findings: [], host: '127.0.0.1', port: 1, security: 'implicit', shown_by: 'check' },
  { name: 'expired', group: 'Certificate', summary: 'its certificate expired', findings: ['tls.certificate_expired'], host: '127.0.0.1', port: 2, security: 'implicit', shown_by: 'deep' },
];

test('personas are grouped, and found by all words', () => {
  assert.deepEqual([...grouped(personas).keys()], ['Nothing wrong', 'Certificate']);
  assert.deepEqual([...grouped(personas, 'EXPIRED tls').keys()], ['Certificate']);
  assert.equal(grouped(personas, 'expired works').size, 0);
});

test('a persona brings its settings, and its server is known', () => {
  assert.equal(isSandbox({ host: '127.0.0.1', port: 1 }), false);
  setSandbox({ personas, username: 'u', password: 'p' });
  assert.deepEqual(settingsFor(personas[1]), {
    host: '127.0.0.1', port: 2, security: 'implicit', username: 'u', password: 'p', deep: true, oauth: false,
  });
  assert.ok(isSandbox({ host: 'localhost', port: 2 }));
});
