import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sizeLimit } from '../check/capabilities.js';
import { certificateFact } from '../check/certificate.js';
import { people } from '../compose/addresses.js';
import { findingsOf, remedy } from '../shared/findings.js';
import { keepResult, keptResult } from '../shared/kept.js';
import { fileName } from '../shared/share.js';
import { ahead, count, milliseconds, octets, shortName } from '../shared/words.js';

test('addresses come apart outside quotes and brackets', () => {
  assert.deepEqual(people('a@x, "B, C" <b@x>; c@x\n'), ['a@x', '"B, C" <b@x>', 'c@x']);
});

test('numbers are written for people', () => {
  assert.deepEqual([0, 0.4, 9.96, 1500].map(milliseconds), ['0 ms', '0.4 ms', '10 ms', '1.5 s']);
  assert.deepEqual([1, 999, 1000, 14_200_000].map(octets), ['1 byte', '999 bytes', '1 kB', '14.2 MB']);
  assert.deepEqual([count(1, 'day'), count(2, 'day'), count(0, 'address', 'addresses')], ['1 day', '2 days', '0 addresses']);
  assert.equal(ahead(new Date(Date.now() + 300_000).toISOString()), 'in 5 min');
});

test('a distinguished name is shortened to what people know', () => {
  assert.equal(shortName('CN=R11,O=Let\'s Encrypt,C=US'), 'Let\'s Encrypt, R11');
  assert.equal(shortName('C=US'), 'C=US');
});

test('a size limit is read from EHLO', () => {
  assert.equal(sizeLimit(['PIPELINING', 'SIZE 1000']), 1000);
  assert.equal(sizeLimit(['SIZE']), null);
});

test('a certificate fits in a line', () => {
  const fact = certificateFact({ names: ['a.example'], subject: '', not_after: '2026-01-02T12:00:00Z', days_left: -3 });
  assert.match(fact, /^a\.example, expired .*2026/);
});

test('a finding may offer the next settings', () => {
  const tried = { port: 465, security: 'implicit' };
  assert.deepEqual(remedy({ code: 'tls.plaintext_on_tls_port' }, tried), { security: 'starttls', port: 587 });
  assert.deepEqual(remedy({ code: 'net.timeout' }, { port: 587, security: 'starttls' }), { security: 'implicit', port: 465 });
  assert.equal(remedy({ code: 'auth.rejected' }, tried), null);
});

test('a failed request is a finding too', () => {
  const [found] = findingsOf({ code: 'x', error: 'It failed.', smtp: { code: 550, text: 'No' } });
  assert.equal(found.seen, 'It failed. (550 No)');
});

test('results are kept by address, the newest few', () => {
  for (let n = 0; n < 7; n += 1) keepResult(`#/check?host=${n}`, n);
  keepResult('#/check?host=6', 'again');
  assert.equal(keptResult('#/check?host=6'), 'again');
  assert.equal(keptResult('#/check?host=1'), undefined);
});

test('a file name is fit for any system', () => {
  assert.equal(fileName('Grüße: a/b\\c?', 'eml'), 'Grüße-a-b-c.eml');
  assert.equal(fileName('../..', 'html'), 'smtps.html');
});
