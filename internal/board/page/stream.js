// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// The session's key comes in the address's fragment, which no server sees, and stays in this tab.
const keyName = 'engine-operator-board-key';
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has('token')) {
  sessionStorage.setItem(keyName, fragment.get('token'));
  history.replaceState(null, '', location.pathname);
}

const headers = () => ({ Authorization: `Bearer ${sessionStorage.getItem(keyName) ?? ''}` });

/** Refused is an answer that asking again does not change. */
export class Refused extends Error {}

async function checked(response) {
  if (response.ok) return response;
  let reason = `the board answered ${response.status}`;
  try {
    reason = (await response.json()).error ?? reason;
  } catch { /* not ours */ }
  throw response.status === 401 || response.status === 403 ? new Refused(reason) : new Error(reason);
}

/** ask gets a value from the board. */
export async function ask(path) {
  return (await checked(await fetch(path, { headers: headers() }))).json();
}

/** send posts a value to the board. */
export async function send(path, value) {
  const body = { method: 'POST', headers: { ...headers(), 'Content-Type': 'application/json' }, body: JSON.stringify(value) };
  return (await checked(await fetch(path, body))).json();
}

// The board is heard of every 15 s at least; silent says after how long it is taken for lost.
const silent = 40_000;

/**
 * listen hands every event of the stream to handle(name, data), and opens the stream again when it ends. EventSource would do
 * that by itself, but sends no header with the key.
 */
export async function listen(handle, lost) {
  for (let attempt = 0; ; attempt++) {
    const stop = new AbortController();
    let watchdog = setTimeout(() => stop.abort(), silent);
    try {
      const response = await checked(await fetch('/api/stream', { headers: headers(), signal: stop.signal }));
      const parse = parser((name, data) => {
        attempt = 0;
        handle(name, data);
      });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) throw new Error('the board has ended');
        clearTimeout(watchdog);
        watchdog = setTimeout(() => stop.abort(), silent);
        parse(value);
      }
    } catch (error) {
      lost(error);
      if (error instanceof Refused) return;
    } finally {
      clearTimeout(watchdog);
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 500 * 2 ** Math.min(attempt, 5))));
  }
}

/** parser cuts a stream of text into server-sent events, as this board writes them: one line of data each. */
function parser(handle) {
  let rest = '';
  return (text) => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const match = /^event: (\w+)\ndata: (.*)$/.exec(block);
      if (match) handle(match[1], JSON.parse(match[2]));
    }
  };
}
