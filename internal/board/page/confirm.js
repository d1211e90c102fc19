// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

import { copyable, el } from './dom.js';
import { plan } from './plan.js';
import { send } from './stream.js';

const dialog = document.getElementById('confirm');
const says = document.getElementById('says');

/** confirmation asks for what an action needs, shows exactly what would be written, and writes it when the person says so. */
export function confirmation(tier, offer, revisions) {
  if (!offer.input) {
    show(el('p', { class: 'muted' }, 'Asking the API server …'), `${offer.label}: ${tier.name}`);
    prepare(tier, offer, '');
    return;
  }
  const field = offer.input === 'revision' ? choice(revisions) : el('input', { id: 'input', required: true, maxlength: 200, autocomplete: 'off' });
  const next = el('form', { method: 'dialog', onsubmit: (event) => {
    event.preventDefault();
    prepare(tier, offer, field.value);
  } },
  el('label', { for: 'input' }, offer.input === 'revision' ? 'Revision to go back to' : 'Why, for others to read'), field,
  el('div', { class: 'buttons' }, cancel(), el('button', { class: 'first', disabled: offer.input === 'revision' && revisions.length === 0 }, 'Next')));
  show(next, `${offer.label}: ${tier.name}`);
}

function choice(revisions) {
  if (revisions.length === 0) return el('select', { id: 'input', disabled: true }, el('option', null, 'no verified revision is kept, or you may not read them'));
  return el('select', { id: 'input' }, revisions.map((r) => el('option', { value: r.ask }, `${r.number}: ${r.name} (${r.source})`)));
}

const cancel = (label = 'Cancel') => el('button', { type: 'button', class: 'cancel', onclick: () => dialog.close() }, label);

function show(content, title) {
  dialog.replaceChildren(el('h2', { id: 'confirm-title' }, title), content);
  if (!dialog.open) dialog.showModal();
}

async function prepare(tier, offer, input) {
  try {
    const change = await send('/api/prepare', { key: tier.key, action: offer.action, input });
    if (dialog.open) preview(tier, change);
  } catch (error) {
    if (dialog.open) failed(error);
  }
}

const written = (w) => el('li', null, el('code', null, w.field), w.gone ? ' is removed' : [' = ', el('code', { class: 'value' }, w.value)]);

function preview(tier, change) {
  const yes = el('button', { type: 'button', class: 'first', id: 'yes', onclick: async () => {
    yes.disabled = true;
    try {
      const { done } = await send('/api/confirm', { id: change.id });
      says.textContent = `${done}: written.`;
      dialog.close();
    } catch (error) {
      failed(error);
    }
  } }, 'Write it');
  show(el('div', null,
    el('p', null, change.effect),
    plan(change.plan),
    change.warning ? el('p', { class: 'warning' }, change.warning) : null,
    el('p', null, 'Written to ', el('b', null, tier.key), ' as ', el('b', null, change.as), ':'),
    el('ul', { class: 'writes' }, change.writes.map(written)),
    el('details', null, el('summary', null, 'The same as a command'), copyable(change.command)),
    el('div', { class: 'buttons' }, cancel(), yes)), change.title);
  yes.focus();
}

function failed(error) {
  show(el('div', null, el('p', { class: 'warning', role: 'alert' }, error.message), el('div', { class: 'buttons' }, cancel('Close'))), 'Nothing was written');
  dialog.querySelector('.cancel').focus();
}
