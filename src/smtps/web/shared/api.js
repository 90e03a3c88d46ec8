// The service: requests, events and uploads, with the token where one is wanted.

import { askForToken, authorization } from './token.js';

/** An error document of the service, thrown. */
export class Problem extends Error {
  constructor(document) {
    super(document.error);
    this.document = document;
  }

}

/** The answer, good or bad, about the mail server; a Problem of the request itself is still thrown. */
export async function either(promise) {
  try {
    return await promise;
  } catch (error) {
    const { code, phase } = error.document ?? {};
    if (error instanceof Problem && phase !== 'input' && !/^(api|input|page|message)\./.test(code)) return error.document;
    throw error;
  }
}

const UNREACHABLE = {
  error: 'The service behind this page does not answer. Is smtps serve still running?',
  code: 'page.unreachable', errors: [],
};
const CUT_OFF = { ...UNREACHABLE, error: 'The connection was interrupted. Try again.', code: 'page.cut_off' };

const isAbort = (error) => error.name === 'AbortError';

function asProblem(status, text, wait) {
  try {
    const { error, ...document } = JSON.parse(text);
    const words = wait ? `${error} Try again in ${wait} s.` : error;
    if (error) return new Problem({ errors: [], ...document, error: words });
  } catch {
    // Not from our service, but from something between.
  }
  return new Problem({ error: `The service answered with status ${status}.`, code: 'page.status', errors: [] });
}

/**
 * @param {string} path
 * @param {{method?: string, body?: object | null, signal?: AbortSignal}} options
 */
async function call(path, { method = 'GET', body, signal } = {}) {
  for (;;) {
    const headers = { ...authorization(), ...(body && { 'Content-Type': 'application/json' }) };
    let response;
    try {
      response = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body) });
    } catch (error) {
      throw isAbort(error) ? error : new Problem(UNREACHABLE);
    }
    if (response.ok) return response;
    if (response.status !== 401 || !(await askForToken())) {
      throw asProblem(response.status, await response.text(), response.headers.get('Retry-After'));
    }
  }
}

/**
 * The answer's JSON, or null where there is none; throws a Problem.
 * @param {string} path
 * @param {Parameters<typeof call>[1]} [options]
 */
export async function request(path, options) {
  const text = await (await call(path, options)).text();
  return text ? JSON.parse(text) : null;
}

/** The answer's bytes, to show something that a plain link cannot fetch with the token. */
export async function blob(path) {
  return (await call(path)).blob();
}

/** The events of a streamed answer, as {event, data}; asked for by GET where there is no body. */
export async function* events(path, body, signal) {
  const response = await call(path, { method: body ? 'POST' : 'GET', body, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Problem(CUT_OFF);
      const blocks = (buffer + value).split(/\r?\n\r?\n/);
      buffer = blocks.pop() ?? '';
      yield* blocks.map(parse).filter(({ data }) => data != null);
    }
  } catch (error) {
    throw isAbort(error) || error instanceof Problem ? error : new Problem(CUT_OFF);
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  /** @type {{event: string, data: any}} */
  const fields = { event: 'message', data: null };
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? []; // a comment starts with a colon
    if (name === 'data') fields.data = (fields.data ?? '') + value;
    else if (name) fields[name] = value;
  }
  return { event: fields.event, data: fields.data && JSON.parse(fields.data) };
}

/** POST with progress: `onProgress(part)` runs from 0 to 1 while the body goes out. */
export async function upload(path, body, onProgress, signal, headers = {}) {
  const text = JSON.stringify(body);
  for (;;) {
    const { status, answer, wait } = await post(path, text, onProgress, signal, headers);
    if (status >= 200 && status < 300) return JSON.parse(answer);
    if (status !== 401 || !(await askForToken())) throw asProblem(status, answer, wait);
  }
}

function post(path, text, onProgress, signal, headers) {
  return new Promise((resolve, reject) => {
    const http = new XMLHttpRequest();
    http.open('POST', path);
    http.setRequestHeader('Content-Type', 'application/json');
    for (const [name, value] of Object.entries({ ...headers, ...authorization() })) http.setRequestHeader(name, value);
    http.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 1);
    http.upload.onload = () => onProgress(1);
    http.onload = () => resolve({
      status: http.status, answer: http.responseText, wait: http.getResponseHeader('Retry-After'),
    });
    http.onerror = () => reject(new Problem(UNREACHABLE));
    http.onabort = () => reject(new DOMException('Stopped', 'AbortError'));
    signal.addEventListener('abort', () => http.abort(), { once: true });
    http.send(text);
  });
}
