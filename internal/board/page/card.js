// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

import { el, icon, count } from './dom.js';
import { age, ago, bar, until } from './time.js';

const waitsFor = { person: 'Waits for a person', time: 'Waits for the soak', upstream: 'Waits for upstream', operator: 'At work' };

/** verdict is the tier's verdict as a word with a shape of its own: colour alone says nothing. */
export function verdict(tier) {
  return el('p', { class: 'verdict', 'data-verdict': tier.verdict }, icon(tier.verdict), el('span', null, tier.verdict));
}

/** runs is what runs, in short: the revision for people, the digest or commit for sure. */
export function runs(service) {
  if (service.secret) return el('p', { class: 'runs' }, el('span', { class: 'muted' }, 'Secret'), el('code', null, service.secret));
  if (!service.revision && !service.short) return el('p', { class: 'runs muted' }, 'nothing runs yet');
  return el('p', { class: 'runs', title: service.full }, el('b', null, service.revision || service.short),
    service.revision && service.short ? el('code', null, service.short) : null);
}

/** wait is one thing that the tier waits for. */
export function wait(entry) {
  return el('div', { class: 'wait', 'data-for': entry.for }, icon(entry.for),
    el('span', { class: 'what' }, el('span', { class: 'unseen' }, `${waitsFor[entry.for]}: `), entry.what),
    entry.until ? until(entry.until) : null,
    entry.until ? bar(entry.from, entry.until) : null);
}

/** cost is the month's projection beside the budget. */
export function cost(known) {
  if (!known.budget) return el('span', null, `$${known.projected} a month`);
  return el('span', { class: 'cost', 'data-over': known.over },
    `$${known.projected} of $${known.budget}`,
    known.over ? el('strong', null, 'over budget') : null,
    el('meter', { min: 0, max: 100, high: 95, optimum: 0, value: Math.min(100, known.share ?? 0), 'aria-label': 'share of the budget' }));
}

function fact(name, ...value) {
  return el('div', null, el('dt', null, name), el('dd', null, ...value));
}

const tone = (value, bad, undecided) => el('span', { class: bad ? 'bad' : undecided ? 'undecided' : null }, value);

function facts(tier) {
  const { passed, failed, counted } = tier.checks;
  const drift = tier.drift?.length ?? 0;
  return el('dl', { class: 'facts' },
    counted > 0 ? fact('Checks', tone(`${passed}/${counted}`, failed > 0, passed < counted)) : null,
    tier.kind === 'Local' ? null : fact('Drift', tone(drift > 0 ? count(drift, 'field', 'fields') : 'none', drift > 0)),
    tier.plan ? fact('Plan', tone(count(tier.plan.changes.length + (tier.plan.more ?? 0), 'change', 'changes'), false, true)) : null,
    tier.runs.replicas > 0 ? fact('Replicas', tone(`${tier.runs.ready}/${tier.runs.replicas}`, false, tier.runs.ready < tier.runs.replicas)) : null,
    tier.cost ? fact('Cost', cost(tier.cost)) : null);
}

/** why is one line: since when the tier is GO, or why it is not. What it waits for is said once. */
function why(tier) {
  if (tier.verdict === 'GO') return tier.since ? el('p', { class: 'why muted' }, 'GO for ', ago(tier.since, '')) : null;
  return el('p', { class: 'why' }, tier.summary);
}

/** same says that one text holds the other: both begin with what was found, one has its reason before it, and the summary may be cut. */
const same = (a, b) => [[a, b], [b, a]].some(([long, short]) => short !== '' && long.includes(short.slice(0, 100)));

/** card makes the element of a tier, or brings it up to date and keeps the focus where it is. */
export function card(tier, known, open) {
  const node = known ?? el('article', { class: 'card' });
  const focused = node.contains(document.activeElement);
  node.dataset.verdict = tier.verdict;
  node.dataset.key = tier.key;
  node.toggleAttribute('data-held', Boolean(tier.hold));
  const flow = tier.promotion ? tier.promotion.state : tier.from ? 'Waiting' : '';
  if (flow) node.dataset.flow = flow;
  else delete node.dataset.flow;
  // The button stays the same one: a dialog that was opened with it gives the focus back to it.
  const name = known?.querySelector('h3') ?? el('h3', null, el('button', { type: 'button', class: 'open', onclick: () => open(tier.key), 'aria-haspopup': 'dialog' },
    tier.name, tier.name === tier.kind.toLowerCase() ? null : el('span', { class: 'kind' }, ` ${tier.kind}`)));
  const waits = (tier.waits ?? []).filter((entry) => !same(tier.summary ?? '', entry.what));
  node.replaceChildren(
    el('div', { class: 'head' }, name, verdict(tier)),
    runs({ ...tier.runs, secret: tier.secret }),
    why(tier) ?? '',
    ...waits.slice(0, 2).map(wait),
    facts(tier));
  if (focused) node.querySelector('.open').focus({ preventScroll: true });
  return node;
}

/** spoken is what a screen reader says when a verdict changes. */
export function spoken(tier) {
  const reason = tier.summary ? `: ${tier.summary}` : tier.since ? `, for ${age(Date.parse(tier.since))}` : '';
  return `${tier.title}, ${tier.name}, is ${tier.verdict}${reason}.`;
}
