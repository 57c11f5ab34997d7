// The timeline in the browser. Without these files every step is a link and every change a form.
import { shown, slider } from './scrub/where.js';
import { collect } from './scrub/picture.js';
import { reveal } from './scrub/list.js';
import './scrub/move.js';
import './scrub/answers.js';
import './scrub/links.js';
import './scrub/keys.js';

// Back to a page that the browser kept: the slider may hold a later value than the page shows.
slider.value = shown().place;
collect();
const current = document.querySelector('.ev[aria-current]');
if (current) reveal(current);
if (document.activeElement === document.body) document.getElementById('step-h').focus({ preventScroll: true });

// To copy, to play and to follow live come with the first press of their buttons.
const play = document.getElementById('play');
const live = document.getElementById('live');
const follow = async () => (await import('./scrub/live.js')).toggle();
play.hidden = matchMedia('(prefers-reduced-motion: reduce)').matches;
document.getElementById('play-go').addEventListener('click', async () => (await import('./scrub/play.js')).toggle());
live.hidden = false;
live.addEventListener('click', follow);
if (document.getElementById('carry-live').value) follow();
if (navigator.clipboard) {
  document.documentElement.dataset.copies = '';
  document.addEventListener('click', async (event) => {
    const what = event.target.closest('#pin, [data-copy]');
    if (!what || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    (await import('./scrub/copy.js')).copy(what);
  });
}
document.documentElement.dataset.ready = '';
