import assert from 'node:assert/strict';
import { test } from 'node:test';

import { headline, isSilent, row } from '../ports/headline.js';

const port = (number, verdict, code, more = {}) => ({
  port: number, verdict, findings: code ? [{ code, meaning: `${code}.` }] : [], seen: 'Seen.', auth: ['PLAIN'], ...more,
});

test('the headline names the port to use, and why', () => {
  const found = headline({ host: 'a', ports: [], recommended: { port: 465 }, why: 'Because.' });
  assert.deepEqual(found, { tone: 'good', sentence: 'Use port 465', more: 'Because.' });
});

test('without one that can be used it says so', () => {
  const broken = [port(465, 'fails', 'tls.certificate_expired'), port(587, 'fails', 'net.refused')];
  assert.equal(headline({ host: 'a', ports: broken, recommended: null, why: 'W.' }).sentence, 'Use none of these ports');
  assert.match(headline({ host: 'a', ports: [broken[1]], recommended: null, why: 'W.' }).sentence, /can be reached/);
});

test('a port that is not for sending, or does not answer, is no error', () => {
  assert.equal(row(port(25, 'fails', 'net.timeout'), null).tone, 'plain');
  assert.deepEqual([row(port(587, 'fails', 'net.refused'), null).tone, row(port(587, 'fails', 'net.refused'), null).word], ['plain', 'Closed']);
  assert.ok(isSilent(port(587, 'fails', 'net.timeout')));
});

test('a port that answers and is broken is one', () => {
  const { tone, text, code } = row(port(587, 'fails', 'tls.closed'), { port: 465 });
  assert.deepEqual([tone, text, code], ['bad', 'tls.closed.', 'tls.closed']);
});

test('the port to use says so', () => {
  assert.equal(row(port(465, 'works'), { port: 465 }).word, 'Use this one');
  assert.equal(row(port(587, 'works', null, { auth: [] }), { port: 465 }).text, 'Works, but offers no login.');
});
