import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failureOf, judge } from '../check/judge.js';

const account = { host: 'mx.example', port: 465, security: 'implicit', username: 'ann' };
const report = (verdict, more = {}) => ({
  verdict, host: 'mx.example', addresses: [{ address: '192.0.2.1' }], findings: [], auth: {}, discovery: null, ...more,
});

test('a server that works without a login says that the login is open', () => {
  const { tone, sentence, more } = judge(account, report('works'));
  assert.deepEqual([tone, sentence], ['good', 'mx.example works']);
  assert.match(more, /not known yet/);
  assert.match(more, /Port 465, implicit TLS, 192\.0\.2\.1\.$/);
});

test('a login that was accepted names who', () => {
  assert.match(judge(account, report('works', { auth: { authenticated: true } })).more, /login as ann was accepted/);
});

test('warnings are counted, notes are not', () => {
  const findings = [{ severity: 'warning' }, { severity: 'warning' }, { severity: 'info' }];
  assert.equal(judge(account, report('warnings', { findings })).sentence, 'mx.example works, with 2 warnings');
});

test('a failure names its step', () => {
  const addresses = [{ address: '192.0.2.1', failure: { phase: 'tls' } }];
  const { tone, more } = judge(account, report('fails', { addresses }));
  assert.equal(tone, 'bad');
  assert.match(more, /the step “TLS”/);
});

test('one address that works is enough', () => {
  assert.equal(failureOf({ addresses: [{ failure: {} }, {}] }), null);
  assert.equal(failureOf({ addresses: [] }), undefined);
});

test('a refused login is no refused server', () => {
  assert.equal(judge(account, report('fails', { auth: { failure: {} } })).sentence, 'mx.example refuses the login');
});

test('a look-up names what it found, and no port before it is known', () => {
  const asked = { host: 'ann@example.org' };
  const found = report('works', { discovery: {}, port: 465, security: 'implicit' });
  assert.match(judge(asked, found).more, /Found for ann@example\.org: mx\.example\.$/);
  assert.doesNotMatch(judge(asked, report('later')).more, /undefined/);
});
