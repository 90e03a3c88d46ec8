import assert from 'node:assert/strict';
import { test } from 'node:test';

import { dueOf, held, summary } from '../outbox/accounts.js';
import { question, statesOf } from '../outbox/filters.js';

test('a filter is a group of states, or one', () => {
  assert.deepEqual(statesOf(''), []);
  assert.ok(statesOf('waiting').includes('scheduled'));
  assert.deepEqual(statesOf('failed'), ['failed']);
  assert.deepEqual(statesOf('nonsense'), []);
});

test('a request for a page has the filter', () => {
  assert.equal(question({ status: 'sent', account: 'a b', cursor: 'x' }), 'limit=25&status=sent&account=a+b&cursor=x');
});

const ready = { account: 'shop', status: 'ok', next_attempt_at: null };
const stopped = { account: 'main', status: 'stopped', next_attempt_at: null };

test('the worst account speaks for all', () => {
  assert.deepEqual(summary([ready, stopped]), { tone: 'bad', text: 'main is stopped' });
  assert.deepEqual(summary([ready, ready]), { tone: 'good', text: '2 accounts ready' });
});

test('an account that waits is held', () => {
  assert.ok(held({ ...ready, next_attempt_at: '2126-01-01T00:00:00Z' }));
  assert.ok(!held(ready));
});

test('a message waits for its account as well', () => {
  const account = { ...ready, next_attempt_at: '2126-01-02T00:00:00Z' };
  assert.equal(dueOf({ account: 'shop', next_attempt_at: '2126-01-01T00:00:00Z' }, [account]), '2126-01-02T00:00:00Z');
  assert.equal(dueOf({ account: 'other', next_attempt_at: null }, [account]), undefined);
});
