// Plays the history step by step; never by itself, and not where motion is unwanted.
import { head, scrub, wanted } from './where.js';
import { go } from './move.js';

const button = document.getElementById('play-go');
const speed = document.getElementById('play-speed');
let timer = 0;

const playing = () => button.getAttribute('aria-pressed') === 'true';

function stop() {
  clearInterval(timer);
  button.setAttribute('aria-pressed', 'false');
  button.querySelector('span').textContent = 'Play';
}

function start() {
  stop();
  button.setAttribute('aria-pressed', 'true');
  button.querySelector('span').textContent = 'Stop';
  if (wanted() >= head) go(0);
  timer = setInterval(() => (wanted() >= head ? stop() : go(wanted() + 1)), 1000 / Number(speed.value));
}

export const toggle = () => (playing() ? stop() : start());
speed.addEventListener('change', () => { if (playing()) start(); });
document.addEventListener('focusin', (event) => { if (!scrub.contains(event.target)) stop(); });
document.addEventListener('visibilitychange', () => { if (document.hidden) stop(); });
