// The playhead of the picture is pulled along the time: the last step until there, and the clock on.
import { head, lastUntil, scrub, timeOf } from './where.js';
import { go, hold } from './move.js';
import { instantIn, chartUnder } from './picture.js';

const FAR = 4; // pixels from which on it is no click
let chart = null;
let from = 0;
let pulled = false;

// Where an instant leads to: a place, and the clock where it goes on past that step.
export function placeAt(ms) {
  const place = lastUntil(ms);
  const until = place < head ? timeOf(place + 1) : Date.now();
  const on = place > 0 && ms > timeOf(place) && ms < until;
  return { place, t: on ? new Date(Math.round(ms)).toISOString() : '' };
}

scrub.addEventListener('pointerdown', (event) => {
  pulled = false;
  if (event.button || !event.isPrimary) return;
  chart = chartUnder(event.target);
  from = event.clientX;
});

scrub.addEventListener('pointermove', (event) => {
  if (!chart || !event.isPrimary || (!pulled && Math.abs(event.clientX - from) < FAR)) return;
  if (!pulled) {
    pulled = true;
    hold('line');
    scrub.setPointerCapture(event.pointerId);
    scrub.classList.add('dragging');
  }
  const { place, t } = placeAt(instantIn(chart, event.clientX));
  go(place, { t });
});

for (const end of ['pointerup', 'pointercancel']) {
  addEventListener(end, () => {
    chart = null;
    scrub.classList.remove('dragging');
    setTimeout(() => { pulled = false; }); // after the click that it ends with
  });
}

// A bar or a mark is a link: pulled over, it is neither dragged away nor followed.
scrub.addEventListener('dragstart', (event) => { if (chart) event.preventDefault(); });
scrub.addEventListener('click', (event) => {
  if (!pulled) return;
  pulled = false;
  event.preventDefault();
  event.stopPropagation();
}, { capture: true });
