// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

import { el, icon } from './dom.js';
import { card, spoken } from './card.js';
import { clock, sync, tick } from './time.js';
import { listen, Refused } from './stream.js';
import * as detail from './detail.js';

const board = document.getElementById('board');
const search = document.getElementById('search');
const tiers = new Map(); // key -> {tier, node}
const chains = new Map(); // chain -> {node, cells, members, order}
let columns = ['Local', 'Dev', 'Preview', 'Production'];
let filter = 'ALL';
let first = true;

const filters = [
  ['ALL', 'All', () => true],
  ['NO-GO', 'NO-GO', (tier) => tier.verdict === 'NO-GO'],
  ['PENDING', 'PENDING', (tier) => tier.verdict === 'PENDING' || tier.verdict === 'UNKNOWN'],
  ['GO', 'GO', (tier) => tier.verdict === 'GO'],
  ['person', 'Waits for a person', (tier) => (tier.waits ?? []).some((wait) => wait.for === 'person')],
];
const shown = Object.fromEntries(filters.map(([name, , holds]) => [name, holds]));

const open = (key) => detail.open(tiers.get(key).tier);

// Chains

function chainOf(tier) {
  let chain = chains.get(tier.chain);
  if (!chain) {
    const cells = columns.map((name, i) => el('div', { class: 'cell', 'data-column': i }));
    const title = `chain-${tier.chain}`;
    chain = { cells, members: new Set(), node: el('section', { class: 'chain', 'aria-labelledby': title },
      el('h2', { id: title }, el('span', { class: 'engine' }), ' ', el('span', { class: 'muted namespace' })), el('div', { class: 'line' }, cells)) };
    chains.set(tier.chain, chain);
  }
  return chain;
}

function leave(key, chainKey) {
  const chain = chains.get(chainKey);
  chain.members.delete(key);
  if (chain.members.size > 0) return;
  chain.node.remove();
  chains.delete(chainKey);
}

function place(tier, node) {
  const chain = chainOf(tier);
  chain.members.add(tier.key);
  chain.order = `${tier.namespace}\u0000${tier.title}\u0000${tier.chain}`;
  chain.node.querySelector('.engine').textContent = tier.title;
  chain.node.querySelector('.namespace').textContent = tier.namespace === tier.title ? '' : tier.namespace;
  const cell = chain.cells[tier.column];
  const rank = (other) => `${String(other.depth).padStart(4, '0')}${other.name}`;
  const next = [...cell.children].find((other) => other !== node && rank(tiers.get(other.dataset.key).tier) > rank(tier));
  if (node.parentElement !== cell || node.nextElementSibling !== (next ?? null)) cell.insertBefore(node, next ?? null);
}

/** arrange puts the chains in order and hides columns that no chain uses. */
function arrange() {
  const ordered = [...chains.values()].sort((a, b) => (a.order < b.order ? -1 : 1));
  ordered.forEach((chain, i) => {
    if (board.children[i] !== chain.node) board.insertBefore(chain.node, board.children[i] ?? null);
  });
  const used = columns.map((_, i) => [...tiers.values()].some(({ tier }) => tier.column === i));
  used.forEach((is, i) => board.toggleAttribute(`data-without-${i}`, !is));
  board.style.setProperty('--columns', Math.max(1, used.filter(Boolean).length));
}

// Changes

function set(tier, changes) {
  const known = tiers.get(tier.key);
  if (known && known.tier.chain !== tier.chain) leave(tier.key, known.tier.chain);
  const node = card(tier, known?.node, open);
  tiers.set(tier.key, { tier, node });
  place(tier, node);
  if (!known || known.tier.verdict !== tier.verdict) {
    changes.push(tier);
    if (!first) fresh(node);
  }
  detail.changed(tier.key, tier);
}

function gone(key) {
  const known = tiers.get(key);
  if (!known) return;
  known.node.remove();
  tiers.delete(key);
  leave(key, known.tier.chain);
  detail.changed(key, null);
}

function fresh(node) {
  node.dataset.fresh = '';
  setTimeout(() => delete node.dataset.fresh, 30_000);
}

// After the stream was cut, the first update has every tier there is: what it lacks is gone.
let whole = true;

function update(news) {
  sync(news.now);
  const changes = [];
  if (whole && news.link.state !== 'connecting') {
    const there = new Set((news.tiers ?? []).map((tier) => tier.key));
    [...tiers.keys()].filter((key) => !there.has(key)).forEach(gone);
    whole = false;
  }
  for (const tier of news.tiers ?? []) set(tier, changes);
  (news.gone ?? []).forEach(gone);
  if (news.tiers || news.gone) {
    arrange();
    sift();
  }
  connection(news.link);
  if (!first) announce(changes);
  if (news.link.state !== 'connecting') {
    first = false;
    board.setAttribute('data-ready', '');
    empty();
  }
}

function empty() {
  const note = document.getElementById('empty');
  if (tiers.size > 0) note?.remove();
  else if (!note) board.append(el('p', { id: 'empty', class: 'muted' }, 'There are no EngineEnvironments here yet.'));
}

function announce(changes) {
  if (changes.length === 0) return;
  const more = changes.length > 3 ? ` And ${changes.length - 3} more.` : '';
  document.getElementById('says').textContent = changes.slice(0, 3).map(spoken).join(' ') + more;
}

function connection({ state, since, message }) {
  const node = document.getElementById('link');
  node.dataset.state = state;
  document.getElementById('link-text').textContent = { live: 'live', lost: 'not live', connecting: 'connecting' }[state];
  alarm(state === 'lost' ? `Not live since ${clock(since)}. What you see is from then. ${message}` : '');
}

function alarm(text) {
  const node = document.getElementById('alarm');
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === '';
  document.body.toggleAttribute('data-stale', text !== '');
}

// Search and filter

function sift() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const chain of chains.values()) {
    let any = false;
    for (const key of chain.members) {
      const { tier } = tiers.get(key);
      const text = `${tier.key} ${tier.title} ${tier.kind} ${tier.runs.revision ?? ''} ${tier.runs.full ?? ''}`.toLowerCase();
      any ||= shown[filter](tier) && words.every((word) => text.includes(word));
    }
    if (chain.node.hidden === any) chain.node.hidden = !any;
  }
  const all = [...tiers.values()].map(({ tier }) => tier);
  const counts = filters.map(([name, , holds]) => [name, all.filter(holds).length]);
  counts.forEach(([name, n]) => {
    const button = document.getElementById(`filter-${name}`);
    const number = button.querySelector('b');
    if (number.textContent !== String(n)) number.textContent = n;
    button.setAttribute('aria-pressed', String(name === filter));
    button.toggleAttribute('data-some', n > 0);
  });
  const noGo = counts[1][1];
  document.title = noGo > 0 ? `${noGo} NO-GO – engines` : 'Engines';
}

function buildFilters() {
  document.getElementById('counts').replaceChildren(...filters.map(([name, label]) =>
    el('button', { type: 'button', id: `filter-${name}`, 'data-filter': name, 'aria-pressed': 'false', onclick: () => {
      filter = filter === name ? 'ALL' : name;
      sift();
    } }, name === 'ALL' ? null : icon(name), el('b', null, '0'), ' ', label)));
}

// Keyboard: / searches, the arrows go along a chain and from chain to chain.

function move(from, key) {
  const cards = [...board.querySelectorAll('.chain:not([hidden]) .card')];
  const at = cards.indexOf(from);
  if (key === 'ArrowRight') return cards[at + 1];
  if (key === 'ArrowLeft') return cards[at - 1];
  const here = from.closest('.chain');
  const column = from.closest('.cell').dataset.column;
  const sections = [...board.querySelectorAll('.chain:not([hidden])')];
  const there = sections[sections.indexOf(here) + (key === 'ArrowDown' ? 1 : -1)];
  return there?.querySelector(`[data-column="${column}"] .card`) ?? there?.querySelector('.card');
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.key === '/' && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
    return;
  }
  const from = document.activeElement?.closest('.card');
  if (!from || !event.key.startsWith('Arrow')) return;
  const to = move(from, event.key);
  if (!to) return;
  event.preventDefault();
  to.querySelector('.open').focus();
  to.scrollIntoView({ block: 'nearest' });
});

search.addEventListener('input', sift);
buildFilters();
setInterval(tick, 1000);

listen((name, data) => {
  if (name === 'update') {
    update(data);
    return;
  }
  sync(data.now);
  whole = true;
  columns = data.columns;
  document.getElementById('scope').textContent = `${data.scope} · ${data.context} · ${data.user}`;
}, (error) => {
  whole = true;
  document.getElementById('link').dataset.state = 'lost';
  document.getElementById('link-text').textContent = 'not live';
  alarm(error instanceof Refused ? error.message : `Not live: the connection to the board is lost (${error.message}). What you see may be old.`);
});
