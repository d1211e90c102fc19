// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

import { count, el, row, table } from './dom.js';

const planStates = {
  waits: 'It waits for an approval.',
  approved: 'It is approved and written next.',
  observed: 'It is only observed: set spec.writePolicy to Apply or Approve to have it written.',
  outdated: 'It is for a spec that has changed since: the operator has not read the newest one yet.',
};

/** plan is what the operator would write; the confirmation of an approval shows it, too. */
export function plan(p) {
  return p && [
    el('p', null, el('code', null, p.hash), ` – ${p.message}`),
    p.stale ? el('p', { class: 'warning' }, 'The approval so far, ', el('code', null, p.stale), ', is for another plan: this one has changed since.') : null,
    el('p', null, planStates[p.state] ?? p.state),
    table('Plan', ['Field', 'Action', 'On Railway', 'Becomes'], p.changes.map((c) =>
      row(el('code', null, c.path), c.action, c.from ? el('code', null, c.from) : '–', c.to ? el('code', null, c.to) : '–'))),
    p.more > 0 ? el('p', { class: 'muted' }, `and ${p.more} more, which the status does not list: they are part of the plan and its hash`) : null,
    p.deployments?.length > 0 ? el('p', null, `Starts ${count(p.deployments.length, 'deployment', 'deployments')}: ${p.deployments.join(', ')}`) : null,
  ];
}
