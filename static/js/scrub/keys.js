// Single keys, while the focus is on the timeline, the list or the panel; they can be switched off.
import { address, head, scrub, slider, versionAt, wanted } from './where.js';
import { anotherDay, go } from './move.js';
import { whenShown } from './answers.js';
import { say } from './words.js';

const click = (id) => { const el = document.getElementById(id); if (el) el.click(); return Boolean(el); };
const way = (name) => whenShown(() => {
  const link = document.querySelector(`[data-way="${name}"]`);
  if (link) link.click();
  else say(`There is no ${name.endsWith('next') ? 'next' : 'previous'} ${name.split('-')[0] === 'follow' ? 'event of it' : name.split('-')[0]}.`);
});
const tab = (name) => document.querySelector(`[data-tab="${name}"]`)?.click();

function anchor() {
  const a = versionAt(wanted());
  let field = document.getElementById('carry-a');
  if (!field) {
    field = Object.assign(document.createElement('input'), { type: 'hidden', id: 'carry-a', name: 'a' });
    field.dataset.carry = '';
    slider.form.append(field);
  }
  field.value = a;
  say(`Compare from step ${a}: move on, then open Compare.`);
}

function swap() {
  const field = document.getElementById('carry-a');
  if (!field) { say('Set A first: m.'); return; }
  const from = versionAt(wanted());
  const to = Number(field.value);
  const url = new URL(address(wanted(), `a=${from}&tab=compare&t=`), location.href);
  location.assign(`${scrub.dataset.base}${to}/${url.search}`);
}

const MOVES = {
  ArrowLeft: () => wanted() - 1, ArrowRight: () => wanted() + 1,
  ArrowDown: () => wanted() - 1, ArrowUp: () => wanted() + 1,
  Home: () => 0, End: () => head,
  PageUp: () => anotherDay(-1), PageDown: () => anotherDay(1),
};
const SINGLE = {
  ',': () => way('follow-previous'), '.': () => way('follow-next'),
  n: () => way('match-next'), p: () => way('match-previous'), e: () => way('refusal-next'),
  m: anchor, x: swap, w: () => tab('why'),
  '/': () => { const field = document.getElementById('fq'); field.focus(); field.select(); },
  g: () => { const box = document.getElementById('box'); box.focus(); box.select(); },
  y: () => click('pin'), l: () => click('live'),
  '+': () => click('zoom-closer'), '=': () => click('zoom-closer'), '-': () => click('zoom-wider'),
  0: () => click('zoom-fit'), '?': () => document.getElementById('keys').togglePopover(),
};

const OFF = 'playhead-keys-off';
const off = document.getElementById('keys-on');
off.checked = localStorage.getItem(OFF) === null;
off.addEventListener('change', () => {
  if (off.checked) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, '1');
});

const block = ['scrub', 'events', 'panel', 'filter'].map((id) => document.getElementById(id));
const inside = (el) => el === document.body || block.some((part) => part.contains(el));
const writes = (el) => el.matches('input:not([type=range], [type=checkbox]), textarea, select');

// Before the frame's own "/", which leads to the search of members.
document.addEventListener('keydown', (event) => {
  const { key, target } = event;
  if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
  if (!inside(target) || writes(target)) return;
  if (MOVES[key]) {
    // Elsewhere in the block up and down scroll, as everywhere.
    if ((key === 'ArrowUp' || key === 'ArrowDown') && target !== slider) return;
    event.preventDefault();
    go(MOVES[key]());
  } else if (SINGLE[key] && off.checked) {
    event.preventDefault();
    event.stopImmediatePropagation();
    SINGLE[key]();
  }
}, { capture: true });
