// Answers: the panel shows what was asked for last, or says that it does not.
import { carried, onShow, shown, slider, versionAt, wanted } from './where.js';
import { go, landed, redraw } from './move.js';
import { say } from './words.js';

const SAY_MS = 500;
let saying = 0;

// htmx asks one at a time and keeps the last wish, so answers come in order. An answer that is
// older than the one on the screen would still be refused here.
const asked = new WeakMap();
let asks = 0;
let newest = 0;
let underWay = 0;

slider.addEventListener('htmx:before:request', (event) => { asked.set(event.detail.ctx, ++asks); underWay += 1; });
slider.addEventListener('htmx:before:swap', (event) => {
  const order = asked.get(event.detail.ctx) || 0;
  if (order < newest) event.preventDefault();
  newest = Math.max(newest, order);
});

let retries = 0;
slider.addEventListener('htmx:finally:request', (event) => {
  underWay -= 1;
  const { status = 0, headers } = event.detail.ctx.response || {};
  if (onShow()) {
    retries = 0;
  } else if (status === 429) { // too fast for the server: what was asked for last is asked again
    again(1000 * (Number(headers?.get('Retry-After')) || 1));
  } else if (!status || status >= 400) {
    const step = versionAt(wanted()) ?? wanted();
    const why = navigator.onLine ? 'could not be loaded' : 'needs the network, which is away';
    say(`Step ${step} ${why}. The panel shows step ${shown().v}.`);
  } else if (retries++ < 2) {
    again(50);
  }
});

function again(ms) {
  setTimeout(() => onShow() || underWay || go(wanted(), { t: carried() }), ms);
}

// One sentence, half a second after the last step; the slider itself speaks during movement.
function announce() {
  clearTimeout(saying);
  saying = setTimeout(() => {
    const { count, v } = shown();
    const many = count === '1' ? '1 change' : `${count} changes`;
    const what = document.getElementById('step-h').textContent.trim();
    say(`Step ${v}. ${what}. ${many}.`);
  }, SAY_MS);
}

const waiting = [];

// Runs when the panel shows what was asked for: now, or with the next answer.
export function whenShown(act) {
  if (onShow()) act();
  else waiting.splice(0, waiting.length, act);
}

document.addEventListener('htmx:after:swap', () => {
  redraw();
  if (onShow()) {
    landed();
    announce();
    const act = waiting.pop();
    if (act) act();
  }
});
