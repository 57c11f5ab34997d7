// The timeline in the browser. Without these files every step is a link and every change a form.
import { shown, slider } from './scrub/where.js';
import { collect } from './scrub/picture.js';
import { reveal } from './scrub/list.js';
import './scrub/move.js';
import './scrub/answers.js';
import './scrub/links.js';
import './scrub/keys.js';
import './scrub/copy.js';
import './scrub/play.js';
import './scrub/live.js';

// Back to a page that the browser kept: the slider may hold a later value than the page shows.
slider.value = shown().place;
collect();
const current = document.querySelector('.ev[aria-current]');
if (current) reveal(current);
if (document.activeElement === document.body) document.getElementById('step-h').focus({ preventScroll: true });
document.documentElement.dataset.ready = '';
