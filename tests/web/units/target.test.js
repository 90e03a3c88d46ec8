import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseTarget, securityOf } from '../server/target.js';

const CASES = {
  '': {},
  ' smtp.example.com ': { host: 'smtp.example.com' },
  'smtp.example.com:587': { host: 'smtp.example.com', port: 587, security: 'starttls' },
  'smtp.example.com 2465': { host: 'smtp.example.com', port: 2465, security: 'implicit' },
  '[2001:db8::1]:465': { host: '2001:db8::1', port: 465, security: 'implicit' },
  '[::1]': { host: '::1' },
  '2001:db8::1': { host: '2001:db8::1' },
  'ann@example.com': { address: 'ann@example.com', username: 'ann@example.com' },
  '@example.com': { address: '@example.com' },
  'smtps://mail.example.com': { host: 'mail.example.com', port: 465, security: 'implicit' },
  'smtp://mail.example.com/': { host: 'mail.example.com', port: 587, security: 'starttls' },
  'smtps://ann%40example.com@mail.example.com:2465': {
    host: 'mail.example.com', port: 2465, security: 'implicit', username: 'ann@example.com',
  },
};

for (const [text, found] of Object.entries(CASES)) {
  test(`“${text}” is read`, () => assert.deepEqual(parseTarget(text), found));
}

test('what cannot be used is said', () => {
  assert.match(parseTarget('a.example:99999').problem, /1 to 65535/);
  assert.match(parseTarget('a.example:x').problem, /1 to 65535/);
  assert.match(parseTarget('https://a.example').problem, /not for sending mail/);
  assert.match(parseTarget('smtps://ann:secret@a.example').problem, /password/);
});

test('one rule says how TLS begins', () => {
  assert.deepEqual([25, 465, 587, 2525, 2587, 2465].map(securityOf),
    ['starttls', 'implicit', 'starttls', 'starttls', 'starttls', 'implicit']);
});
