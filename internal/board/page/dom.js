// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Elements are made of text and attributes, never of markup: whatever an object in the cluster says is shown as it is.

/** el makes an element. Properties that begin with "on" are listeners; null, undefined and false are left out. */
export function el(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ''));
  return node;
}

/** link is an anchor for an address that a browser may open, else its text. */
export function link(href, text) {
  if (!/^https?:\/\//.test(href ?? '')) return el('span', null, text);
  return el('a', { href, target: '_blank', rel: 'noopener noreferrer' }, text);
}

const shapes = {
  'GO': ['M10 1a9 9 0 1 0 0 18a9 9 0 0 0 0-18Z', 'M5.8 10.4l3 3l5.6-6.2'],
  'NO-GO': ['M6.3 1h7.4L19 6.3v7.4L13.7 19H6.3L1 13.7V6.3Z', 'M6.6 6.6l6.8 6.8M13.4 6.6l-6.8 6.8'],
  'PENDING': ['M10 1a9 9 0 1 0 0 18a9 9 0 0 0 0-18Z', 'M10 5v5.4l3.4 2.2'],
  'UNKNOWN': ['M10 1L19 10L10 19L1 10Z', 'M7.8 8.2c0-3.2 4.6-3 4.4-.2c-.1 1.5-2.2 1.6-2.2 3.1M10 14v.3'],
  'person': ['M10 10a4 4 0 1 0 0-8a4 4 0 0 0 0 8Z', 'M2.5 18c.6-4.2 3.7-6 7.5-6s6.9 1.8 7.5 6'],
  'time': ['M5 2h10M5 18h10', 'M6 2c0 4 8 4 8 8s-8 4-8 8M14 2c0 4-8 4-8 8s8 4 8 8'],
  'upstream': ['M17 10H4', 'M9 5l-5 5l5 5'],
  'operator': ['M17 10a7 7 0 1 1-2.1-5', 'M15.5 1v4.5H11'],
};

/** icon is a drawing beside words that say the same. */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'icon');
  (shapes[name] ?? shapes.UNKNOWN).forEach((d, i) => {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', d);
    path.setAttribute('class', i === 0 ? 'outer' : 'inner');
    svg.append(path);
  });
  return svg;
}

/** count says how many there are, in the singular or plural. */
export const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;

/** copyable is a command with a button that copies it. */
export function copyable(text) {
  const button = el('button', { type: 'button', class: 'copy', onclick: async () => {
    let done = 'Copied';
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      done = 'Select it and copy';
      getSelection().selectAllChildren(code);
    }
    button.textContent = done;
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  } }, 'Copy');
  const code = el('code', null, text);
  return el('div', { class: 'command' }, el('pre', { tabindex: '0', 'aria-label': 'Command' }, code), button);
}

/** row is a table's row, table a table that scrolls by itself. */
export const row = (...cells) => el('tr', null, ...cells.map((cell) => el('td', null, cell)));
export const table = (label, heads, rows) => rows.length > 0 && el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
  el('table', null, el('thead', null, el('tr', null, heads.map((head) => el('th', { scope: 'col' }, head)))), el('tbody', null, rows)));
