import assert from 'node:assert/strict';
import { test } from 'node:test';

import { format, parse, same } from '../shared/address.js';

test('an address names a view, a place in it and what it shows', () => {
  assert.deepEqual(parse('#/outbox/1a%2Fb?status=sent'), { view: 'outbox', path: ['1a/b'], query: { status: 'sent' } });
  assert.deepEqual(parse(''), { view: 'check', path: [], query: {} });
  assert.deepEqual(parse('#/check?host=a%3Fb'), { view: 'check', path: [], query: { host: 'a?b' } });
  assert.deepEqual(parse('#/inbox/%zz').path, ['%zz']);
});

test('what is written is read again', () => {
  const query = { host: '[2001:db8::1]', port: '465', username: 'ann+x@example.com' };
  assert.deepEqual(parse(format('check', [], query)).query, query);
  assert.equal(format('check', [], { host: '', port: null }), '#/check');
});

test('no secret gets into an address, nor out of one', () => {
  assert.equal(format('check', [], { host: 'a', password: 'x', access_token: 'y' }), '#/check?host=a');
  assert.deepEqual(parse('#/check?password=x&token=y').query, {});
});

test('the order does not matter', () => {
  assert.ok(same('#/check?port=1&host=a', '#/check?host=a&port=1'));
  assert.ok(!same('#/check?host=a', '#/check?host=b'));
});
