// Looks for new events every five seconds; they never move the playhead.
import { address, base, clockAt, head, wanted } from './where.js';
import { say } from './words.js';

const EVERY_MS = 5000;
const HIDDEN_MS = 600000;
const button = document.getElementById('live');
const fresh = document.getElementById('live-new');
const carried = document.getElementById('carry-live');
let timer = 0;
let hiddenSince = 0;

const on = () => button.getAttribute('aria-pressed') === 'true';

async function look() {
  if (hiddenSince && Date.now() - hiddenSince > HIDDEN_MS) { set(false); return; }
  if (document.hidden && !hiddenSince) hiddenSince = Date.now();
  if (!document.hidden) hiddenSince = 0;
  try {
    // As a part of the page, which keeps nobody signed in. The browser keeps the answer with its ETag: an unchanged head costs a 304 without a body.
    const answer = await fetch(`${base}live/?since=${head}`, { cache: 'no-cache', headers: { 'HX-Request': 'true' } });
    if (answer.ok) tell(await answer.json());
    else if (answer.status === 401 || answer.redirected) set(false);
  } catch { /* away: the next look may find it again */ }
}

function tell({ count, earliest }) {
  if (!count) return;
  const words = count === 1 ? '1 new event' : `${count} new events`;
  const before = earliest && Date.parse(earliest) < clockAt() && document.querySelector('[name=order][value=happened]');
  const text = before ? `${words}, some before this step: reload` : words;
  if (fresh.textContent === text) return;
  fresh.textContent = text;
  fresh.hidden = false;
  say(`${text}.`);
}

function set(follow) {
  button.setAttribute('aria-pressed', String(follow));
  carried.value = follow ? '1' : '';
  clearInterval(timer);
  if (follow) { timer = setInterval(look, EVERY_MS); look(); }
  history.replaceState(history.state, '', address(wanted()));
}

let told = false;

// The first time it may be the address that asks for it, not a press.
export function toggle() {
  const pressed = told || !carried.value;
  told = true;
  set(!on());
  if (pressed) say(on() ? 'Following live.' : 'No longer following live.');
}
