// The list marks the row under the playhead, and keeps it in sight.
import { clockAt, versionAt, wanted } from './where.js';

const list = () => document.getElementById('evscroll');

function current() {
  const at = new Date(clockAt()).getTime();
  const clocked = [...document.querySelectorAll('.ev.clock > a')].find((a) =>
    Number(a.dataset.place) === wanted() && Date.parse(a.dataset.t) === at);
  return clocked ? clocked.parentElement : document.getElementById(`s${versionAt(wanted())}`);
}

export function mark() {
  for (const row of document.querySelectorAll('.ev[aria-current]')) row.removeAttribute('aria-current');
  const row = current();
  if (row) { row.setAttribute('aria-current', 'step'); reveal(row); }
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
