// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

import { copyable, count, el, link, row, table } from './dom.js';
import { cost, verdict, wait } from './card.js';
import { confirmation } from './confirm.js';
import { plan } from './plan.js';
import { ago, clock } from './time.js';
import { ask } from './stream.js';

const sheet = document.getElementById('detail');
const state = { key: null, tier: null, detail: null, asked: 0, timer: 0 };

sheet.addEventListener('close', () => {
  if (sheet.open) return; // closed, and opened for another tier before this was heard
  state.key = null;
  clearTimeout(state.timer);
});
sheet.addEventListener('click', (event) => {
  if (event.target === sheet) sheet.close(); // beside it
});

/** open shows everything about a tier. */
export function open(tier) {
  Object.assign(state, { key: tier.key, tier, detail: null });
  render();
  if (!sheet.open) sheet.showModal();
  sheet.scrollTop = 0;
  load();
}

/** changed brings the open tier up to date; without a tier it is gone. */
export function changed(key, tier) {
  if (key !== state.key) return;
  if (!tier) {
    sheet.close();
    return;
  }
  state.tier = tier;
  render();
  clearTimeout(state.timer);
  state.timer = setTimeout(load, 1000); // its history has changed, too; a rollout changes it often
}

async function load() {
  const asked = ++state.asked;
  const { key } = state;
  let detail;
  try {
    detail = await ask(`/api/tier?key=${encodeURIComponent(key)}`);
  } catch (error) {
    detail = { offers: [], revisions: [], history: state.tier.history ?? [], unread: [error.message] };
  }
  if (asked !== state.asked || key !== state.key) return;
  state.detail = detail;
  render();
}

function section(title, ...content) {
  const shown = content.flat().filter(Boolean);
  return shown.length > 0 && el('section', null, el('h3', null, title), ...shown);
}

const list = (items, draw = (item) => item) => items?.length > 0 && el('ul', null, items.map((item) => el('li', null, draw(item))));

function actions() {
  const { detail } = state;
  if (!detail) return el('p', { class: 'muted actions' }, 'Asking what you may do …');
  const allowed = detail.offers.filter((offer) => offer.allowed);
  const refused = detail.offers.filter((offer) => !offer.allowed);
  return el('div', { class: 'actions', role: 'group', 'aria-label': 'Actions' },
    allowed.map((offer, i) => el('button', {
      type: 'button', class: i === 0 && ['approve', 'resume', 'release', 'unsuspend', 'approve-plan'].includes(offer.action) ? 'first' : null,
      'data-action': offer.action, onclick: () => confirmation(state.tier, offer, detail.revisions),
    }, `${offer.label} …`)),
    refused.length > 0 && el('p', { class: 'muted' }, `Not offered: ${refused.map((offer) => offer.label).join(', ')} (${refused[0].why}).`));
}

function waits(tier) {
  return (tier.waits ?? []).map((entry) => el('div', { class: 'block' }, wait(entry), entry.command ? copyable(entry.command) : null));
}

function service(s) {
  return row(el('b', null, s.name), s.revision || '–', el('code', { class: 'full' }, s.full || '–'), s.status || '–', `${s.ready}/${s.replicas}`,
    s.url ? link(s.url, s.url.replace(/^https?:\/\//, '')) : '–');
}

function check(c) {
  const failed = c.result === 'Failed';
  return row(el('span', { class: `result ${c.result}` }, c.result), el('b', null, c.name),
    el('span', { class: 'text' }, c.message || '', failed && c.blames ? ` (blames the ${c.blames.toLowerCase()})` : ''), ago(c.since));
}

/** checks shows what does not pass in full, and what passes by name. */
function checks(all) {
  const passed = all.filter((c) => c.result === 'Passed');
  return [
    table('Checks', ['Result', 'Check', 'Found', 'Since'], all.filter((c) => c.result !== 'Passed').map(check)),
    passed.length > 0 && el('p', null, el('span', { class: 'result Passed' }, `${passed.length} passed: `), passed.map((c) => c.name).join(', ')),
  ];
}

function drift(d) {
  return row(el('code', null, d.path), el('code', null, d.declared || '–'), el('code', null, d.actual || '–'), d.changedBy || 'not known', ago(d.since));
}

function record(r) {
  return el('li', { 'data-outcome': r.outcome }, el('time', { datetime: r.at }, clock(r.at)),
    el('span', null, el('b', null, r.what), r.by ? ` by ${r.by}` : '', r.detail ? ` – ${r.detail}` : ''));
}

function hold(h) {
  return h && el('p', null, h.person ? `A person holds ${h.to || 'what runs'}: ${h.reason}` : `${h.to} is held${h.to === h.from ? ' as it was verified before' : ` in place of ${h.from}`}: ${h.reason}`,
    h.at ? [' (', ago(h.at), ')'] : '');
}

function head(tier) {
  return el('div', { class: 'sheet-head' },
    el('div', null, el('h2', { id: 'detail-title' }, tier.name), el('p', { class: 'muted' }, `${tier.kind} of ${tier.title}, namespace ${tier.namespace}`)),
    verdict(tier),
    el('button', { type: 'button', class: 'close', onclick: () => sheet.close() }, 'Close'));
}

function render() {
  const { tier, detail } = state;
  const focus = focused();
  const history = detail?.history ?? tier.history ?? [];
  sheet.replaceChildren(...[
    head(tier),
    actions(),
    section(tier.verdict === 'GO' ? 'GO' : `Why ${tier.verdict}`, tier.verdict === 'GO' && tier.since ? el('p', null, 'for ', ago(tier.since, ''), ', since ', clock(tier.since)) : null, list(tier.reasons)),
    section('Waits for', waits(tier)),
    section('Plan', plan(tier.plan)),
    section('Held', hold(tier.hold)),
    section('Runs', table('Services', ['Service', 'Revision', 'Source', 'Deployment', 'Replicas', 'Address'],
      tier.kind === 'Local' ? [] : [tier.runs, ...(tier.companions ?? [])].map(service)),
    tier.railwayURL ? el('p', null, link(tier.railwayURL, `${tier.environment} on Railway`)) : null),
    section('Checks', checks(tier.checks.list ?? [])),
    section(`Drift: ${count(tier.drift?.length ?? 0, 'field', 'fields')}`, table('Drift', ['Field', 'Declared', 'On Railway', 'By', 'Since'], (tier.drift ?? []).map(drift))),
    section('Cost', tier.cost && el('p', null, `$${tier.cost.monthToDate} this month so far, projected `, cost(tier.cost), ' (', ago(tier.cost.asOf), ')')),
    section('History', history.length > 0 && el('ol', { class: 'history' }, history.map(record)),
      list(detail?.unread, (text) => el('span', { class: 'muted' }, `Not read: ${text}`))),
    ...(tier.notes ?? []).map((note) => section(note.title, list(note.items, (item) => el('code', null, item)))),
    section('Conditions', table('Conditions', ['Condition', 'Status', 'Reason', 'Message', 'Since'],
      (tier.conditions ?? []).map((c) => row(el('b', null, c.type), c.status, c.reason, el('span', { class: 'text' }, c.message), ago(c.since))))),
  ].filter(Boolean));
  focus();
}

/** focused remembers which control of the sheet has the focus, and gives it back to the one that took its place. */
function focused() {
  const active = document.activeElement;
  if (!sheet.contains(active)) return () => {};
  const at = active.dataset.action ? `[data-action="${active.dataset.action}"]` : '.close';
  return () => (sheet.querySelector(at) ?? sheet.querySelector('.close')).focus({ preventScroll: true });
}
