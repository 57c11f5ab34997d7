// The list marks the row under the playhead, and keeps it in sight.
import { clockAt, versionAt, wanted } from './where.js';

const list = () => document.getElementById('evscroll');

let reading = false; // rows were asked for by scrolling, so the list stays where it is

function current() {
  const at = new Date(clockAt()).getTime();
  const clocked = [...document.querySelectorAll('.ev.clock > a')].find((a) =>
    Number(a.dataset.place) === wanted() && Date.parse(a.dataset.t) === at);
  return clocked ? clocked.parentElement : document.getElementById(`s${versionAt(wanted())}`);
}

export function mark() {
  for (const row of document.querySelectorAll('.ev[aria-current]')) row.removeAttribute('aria-current');
  const row = current();
  if (row) { row.setAttribute('aria-current', 'step'); if (!reading) reveal(row); }
  return Boolean(row);
}

// Scrolls the list alone; scrollIntoView would move the page as well.
export function reveal(row) {
  const box = list();
  const top = row.offsetTop;
  const bottom = top + row.offsetHeight;
  if (top < box.scrollTop + 40 || bottom > box.scrollTop + box.clientHeight - 40) {
    box.scrollTop = top - box.clientHeight / 2 + row.offsetHeight / 2;
  }
}

export const missing = () => wanted() > 0 && !current() && !document.querySelector('[data-filter]');

// Earlier and later rows come when one scrolls to where they would be. Not `revealed`: before the
// list stands at the playhead, it would show its beginning and ask for what is before.
document.addEventListener('scroll', ({ target: box }) => {
  if (box !== list()) return;
  const { top, bottom } = box.getBoundingClientRect();
  for (const link of box.querySelectorAll('.evmore:not([data-asked])')) {
    const at = link.getBoundingClientRect();
    if (at.bottom < top - 40 || at.top > bottom + 40) continue;
    link.dataset.asked = '';
    link.dispatchEvent(new CustomEvent('more'));
  }
}, { capture: true, passive: true });

// They come in place of those far away; what is on the screen stays there.
let kept = null;

document.addEventListener('htmx:before:swap', (event) => {
  const box = list();
  if (!box || !event.detail.ctx?.sourceElement?.matches('.evmore')) return;
  const seen = [...box.querySelectorAll('.ev[id]')].find((row) => row.offsetTop >= box.scrollTop);
  if (!seen) return;
  const focused = box.contains(document.activeElement) && document.activeElement.closest('.ev');
  kept = {
    id: seen.id, top: seen.offsetTop - box.scrollTop,
    focus: focused ? focused.id : box.contains(document.activeElement) && 'evscroll',
  };
});

document.addEventListener('htmx:after:swap', () => {
  if (!kept) return;
  const { id, top, focus } = kept;
  kept = null;
  reading = true;
  queueMicrotask(() => { reading = false; }); // after the other listeners
  const row = document.getElementById(id);
  if (row) list().scrollTop = row.offsetTop - top;
  const again = focus && document.getElementById(focus);
  if (again) (again.querySelector('a') || again).focus({ preventScroll: true });
});
