// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

import { el } from './dom.js';

// Times come from the cluster and are counted by the server's clock: the display's own may be wrong.
let ahead = 0;

/** sync takes over the server's clock, at most a second off. */
export function sync(serverNow) {
  const off = Date.parse(serverNow) - Date.now();
  if (Math.abs(off - ahead) > 1000) ahead = off;
}

export const now = () => Date.now() + ahead;

const two = (n) => String(n).padStart(2, '0');

/** left is the time until an instant, to the second. */
export function left(until) {
  const seconds = Math.max(0, Math.ceil((until - now()) / 1000));
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) return `${days} d ${two(hours)}:${two(minutes)}:${two(seconds % 60)}`;
  if (hours > 0) return `${hours}:${two(minutes)}:${two(seconds % 60)}`;
  return `${minutes}:${two(seconds % 60)}`;
}

/** age is the time since an instant, in its largest unit. */
export function age(since) {
  const seconds = Math.max(0, Math.floor((now() - since) / 1000));
  for (const [size, unit] of [[86400, 'd'], [3600, 'h'], [60, 'min']]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds} s`;
}

/** clock is the instant in the reader's own time zone. */
export const clock = (at) => new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** ago is an element that counts up, until an element that counts down. Both keep the instant for machines and as a title. */
export const ago = (at, suffix = ' ago') => counted(at, 'ago', suffix);
export const until = (at) => counted(at, 'until', '');

function counted(at, kind, suffix) {
  const node = el('time', { datetime: at, title: clock(at), [`data-${kind}`]: Date.parse(at), 'data-suffix': suffix });
  show(node);
  return node;
}

function show(node) {
  const { ago: since, until: end, suffix } = node.dataset;
  const text = (end === undefined ? age(Number(since)) : left(Number(end))) + suffix;
  if (node.textContent !== text) node.textContent = text;
}

/** bar is how much of a wait is over. */
export function bar(from, to) {
  const node = el('progress', { max: 1, value: 0, 'data-from': Date.parse(from), 'data-to': Date.parse(to), 'aria-label': 'soaked so far' });
  fill(node);
  return node;
}

function fill(node) {
  const { from, to } = node.dataset;
  node.value = Math.min(1, Math.max(0, (now() - from) / Math.max(1, to - from)));
}

/** tick brings every counted element of the page up to date. */
export function tick() {
  document.querySelectorAll('time[data-until], time[data-ago]').forEach(show);
  document.querySelectorAll('progress[data-to]').forEach(fill);
}
