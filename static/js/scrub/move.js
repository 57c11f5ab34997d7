// Moves the playhead: readout, list and picture in the same frame, the panel at network speed.
import { carryOn, clockAt, head, known, onShow, refresh, remember, slider, timeOf, versionAt, wanted } from './where.js';
import { ago, stamp, valueText } from './words.js';
import * as list from './list.js';
import * as picture from './picture.js';

const REST_MS = 350;
const panel = document.getElementById('panel');
const box = document.getElementById('box');
let resting = 0;
let dimmed = 0;
let moved = false;
let held = ''; // by the thumb of the slider, or the line of the picture

export function place() {
  const v = wanted();
  const at = clockAt();
  const time = document.getElementById('ro-time');
  time.textContent = (known(v) || !v ? '' : '≈ ') + stamp(at);
  time.dateTime = new Date(at).toISOString();
  document.getElementById('ro-rel').textContent = ago(at);
  if (document.activeElement !== box) box.value = versionAt(v) ?? '…';
  slider.setAttribute('aria-valuetext', valueText(v));
  picture.draw();
  list.mark();
  moved = true;
  if (!onShow()) busy();
}

// The old panel stays, dimmed when the new one is long in coming.
function busy() {
  panel.setAttribute('aria-busy', 'true');
  clearTimeout(dimmed);
  dimmed = setTimeout(() => {
    if (!onShow()) document.getElementById('say').textContent = `Step ${versionAt(wanted()) ?? wanted()} is loading.`;
  }, 1000);
}

export function rest(push) {
  clearTimeout(resting);
  resting = setTimeout(() => {
    // What is held still may be on its way: an address is written when it is let go, and the
    // picture does not change under the hand.
    if (!held) remember(push);
    if (list.missing()) refresh('events');
    if (picture.stale() && held !== 'line') refresh('tracks');
  }, push ? 0 : REST_MS);
}

// Goes to a place, with the clock at `t` where it goes on past the step.
export function go(v, { push = false, t = '' } = {}) {
  slider.value = Math.min(head, Math.max(0, v));
  carryOn(t);
  place();
  slider.dispatchEvent(new CustomEvent('change', { bubbles: true, detail: { asked: true } }));
  if (push) rest(true);
}

export function landed() {
  clearTimeout(dimmed);
  panel.removeAttribute('aria-busy');
}

// What the server sent anew is drawn as it was asked for; it has to follow what was done since.
export function redraw() {
  picture.collect();
  if (moved) { picture.draw(); list.mark(); }
}

for (const kind of ['input', 'change']) {
  slider.addEventListener(kind, (event) => {
    if (!event.detail?.asked) carryOn('');
    place();
    rest(false);
  });
}

export function hold(what) { held = what; }

slider.addEventListener('pointerdown', () => hold('thumb'));
for (const end of ['pointerup', 'pointercancel', 'blur']) {
  addEventListener(end, () => { if (held) { hold(''); rest(false); } });
}

const dayOf = (v) => (v > 0 ? Math.floor(timeOf(v) / 86400000) : -1);

export function anotherDay(direction) {
  let v = wanted() + direction;
  while (v > 0 && v < head && dayOf(v) === dayOf(wanted())) v += direction;
  return v;
}
