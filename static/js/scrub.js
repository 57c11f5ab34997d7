// Moves the playhead: readout, list and picture follow in the same frame from a local index;
// the panel follows at the speed of the network. Without this file every step is a link.

const scrub = document.getElementById('scrub');
const slider = document.getElementById('v');
const panel = document.getElementById('panel');
const box = document.getElementById('box');
const base = scrub.dataset.base;
const head = Number(scrub.dataset.head);
const index = JSON.parse(document.getElementById('scrub-index').textContent);

const WORDS = {
  g: 'download granted', r: 'license renewed', p: 'playback', e: 'license expired',
  x: 'license ended', f: 'request refused', a: 'account event',
};
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const REST_MS = 350;
const SAY_MS = 500;

// Step 0 lies a minute before the first event, as on the server.
const times = [];
index.t.reduce((sum, delta) => (times.push(sum + delta), sum + delta), 0);
const timeOf = (v) => (v > 0 ? times[v - 1] : times[0] - 60000);

// -- Words --

const two = (n) => String(n).padStart(2, '0');

function stamp(ms) {
  const d = new Date(ms);
  const date = `${DAYS[d.getUTCDay()]} ${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
  const time = [d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()].map(two).join(':');
  return `${date} ${d.getUTCFullYear()} ${time} UTC`;
}

function ago(ms) {
  const span = (Date.now() - ms) / 1000;
  const size = Math.abs(span);
  if (size < 5) return 'just now';
  const units = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const [unit, word] = units.find(([seconds]) => size >= seconds) || [1, 's'];
  const words = `${Math.floor(size / unit)} ${word}`;
  return span > 0 ? `${words} ago` : `in ${words}`;
}

function valueText(v) {
  if (!v) return 'Before the first event';
  return `Step ${v} of ${head}, ${stamp(timeOf(v))}, ${WORDS[index.k[v - 1]]}`;
}

// -- The same frame --

let drawn = {};

function collect() {
  const plot = document.getElementById('plot');
  const over = document.getElementById('over');
  const all = (selector, root) => [...root.querySelectorAll(selector)];
  drawn = {
    plot, from: Number(plot.dataset.from), to: Number(plot.dataset.to),
    overFrom: Number(over.dataset.from), overTo: Number(over.dataset.to),
    overLine: over.querySelector('.o-head'),
    lines: all('.headhalo, .headline', plot), knob: plot.querySelector('.knob'),
    past: plot.querySelector('.pastarea'),
    bars: all('[data-a]', plot).map((el) => ({
      el, from: Number(el.dataset.a), to: Number(el.dataset.b), device: el.dataset.device,
    })),
    marks: all('[data-m]', plot).map((el) => ({ el, at: Number(el.dataset.m) })),
    lanes: all('[data-lane]', plot),
    partial: 'partial' in plot.dataset,
  };
}

const shows = (at) => at >= drawn.from && at <= drawn.to;
const share = (at, from, to) => `${Math.min(100, Math.max(0, (100 * (at - from)) / (to - from))).toFixed(2)}%`;

function line(at) {
  const x = share(at, drawn.from, drawn.to);
  for (const el of drawn.lines) { el.setAttribute('x1', x); el.setAttribute('x2', x); }
  drawn.knob.setAttribute('x', x);
  drawn.past.setAttribute('width', x);
  const over = share(at, drawn.overFrom, drawn.overTo);
  drawn.overLine.setAttribute('x1', over);
  drawn.overLine.setAttribute('x2', over);
}

function tenses(at) {
  const held = new Map();
  for (const bar of drawn.bars) {
    const tense = at < bar.from ? 'later' : at < bar.to ? 'live' : 'rest';
    bar.el.setAttribute('class', `bar is-${tense}`);
    if (tense === 'live') held.set(bar.device, (held.get(bar.device) || 0) + 1);
  }
  for (const mark of drawn.marks) mark.el.classList.toggle('later', mark.at > at);
  if (drawn.partial) return; // bars were left out, so only the server can count
  for (const lane of drawn.lanes) {
    const count = held.get(lane.dataset.lane) || 0;
    lane.textContent = `${count} in use`;
    lane.classList.toggle('on', count > 0);
  }
  count('use-downloads', [...held.values()].reduce((sum, n) => sum + n, 0), at);
  count('use-devices', held.size, at);
}

function count(id, number, at) {
  const el = document.getElementById(id);
  let most = null;
  for (const [from, max] of index.limits[el.dataset.limit] || []) if (from <= at) most = max;
  el.textContent = most === null ? number : `${number} of ${most}`;
}

function highlight(v) {
  for (const row of document.querySelectorAll('.ev[aria-current]')) row.removeAttribute('aria-current');
  const row = document.getElementById(`s${v}`);
  if (row) { row.setAttribute('aria-current', 'step'); reveal(row); }
  return Boolean(row);
}

// Scrolls the list alone; scrollIntoView would move the page as well.
function reveal(row) {
  const list = document.getElementById('evscroll');
  const top = row.offsetTop, bottom = top + row.offsetHeight;
  if (top < list.scrollTop + 40 || bottom > list.scrollTop + list.clientHeight - 40) {
    list.scrollTop = top - list.clientHeight / 2 + row.offsetHeight / 2;
  }
}

function link(id, v) {
  const el = document.getElementById(id);
  el.dataset.step = v;
  el.href = address(v);
}

function place(v) {
  const at = timeOf(v);
  const time = document.getElementById('ro-time');
  time.textContent = stamp(at);
  time.dateTime = new Date(at).toISOString();
  document.getElementById('ro-rel').textContent = ago(at);
  if (document.activeElement !== box) box.value = v;
  slider.setAttribute('aria-valuetext', valueText(v));
  link('go-previous', Math.max(0, v - 1));
  link('go-next', Math.min(head, v + 1));
  line(at);
  if (shows(at)) tenses(at);
  highlight(v);
  if (Number(shown()) !== v) panel.setAttribute('aria-busy', 'true');
}

// -- Where we are --

const wanted = () => Number(slider.value);
const shown = () => document.getElementById('panel-in').dataset.v;
let resting = 0;
let saying = 0;
let entry = 0;

function address(v) {
  const query = new URLSearchParams();
  for (const el of document.querySelectorAll('[data-carry]')) {
    if (el.value && !(el.name === 'tab' && el.value === 'changed')) query.set(el.name, el.value);
  }
  const text = query.toString();
  return `${base}${v}/${text ? `?${text}` : ''}`;
}

// A drag leaves one entry in the history of the browser; a chosen row or bar leaves its own.
function remember(v, push) {
  const url = address(v);
  if (url === location.pathname + location.search) return;
  const replace = !push && Date.now() - entry < 2000;
  history[replace ? 'replaceState' : 'pushState']({ htmx: true }, '', url);
  entry = Date.now();
}

function rest(push) {
  clearTimeout(resting);
  resting = setTimeout(() => {
    const v = wanted();
    remember(v, push);
    if (!document.getElementById(`s${v}`) && v > 0) refresh('events');
    if (drawn.partial || !shows(timeOf(v))) refresh('tracks');
  }, push ? 0 : REST_MS);
}

function refresh(id) {
  const region = document.getElementById(id);
  const target = `${region.tagName.toLowerCase()}#${id}`;
  htmx.ajax('GET', address(wanted()), {
    target: `#${id}`, source: region, swap: 'innerHTML', headers: { 'HX-Target': target },
  });
}

function go(v, push) {
  const step = Math.min(head, Math.max(0, v));
  slider.value = step;
  place(step);
  slider.dispatchEvent(new Event('change', { bubbles: true }));
  if (push) rest(true);
}

function say() {
  clearTimeout(saying);
  saying = setTimeout(() => {
    const { count: changes, v } = document.getElementById('panel-in').dataset;
    const many = changes === '1' ? '1 change' : `${changes} changes`;
    const what = document.getElementById('step-h').textContent.trim();
    document.getElementById('say').textContent = `Step ${v}. ${what}. ${many}.`;
  }, SAY_MS);
}

// -- Hands on the slider --

slider.addEventListener('input', () => { place(wanted()); rest(false); });
slider.addEventListener('change', () => { place(wanted()); rest(false); });

document.getElementById('jump').addEventListener('submit', (event) => {
  const v = Number(box.value);
  if (!Number.isInteger(v)) return;
  event.preventDefault();
  go(v, true);
  box.value = wanted();
});

document.addEventListener('click', (event) => {
  const chosen = event.target.closest('a[data-step]');
  const plain = !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button);
  if (!chosen || !plain) return;
  event.preventDefault();
  go(Number(chosen.dataset.step), true);
});

const dayOf = (v) => (v > 0 ? Math.floor(timeOf(v) / 86400000) : -1);

function anotherDay(direction) {
  let v = wanted() + direction;
  while (v > 0 && v < head && dayOf(v) === dayOf(wanted())) v += direction;
  return v;
}

const KEYS = {
  ArrowLeft: () => wanted() - 1, ArrowRight: () => wanted() + 1,
  ArrowDown: () => wanted() - 1, ArrowUp: () => wanted() + 1,
  Home: () => 0, End: () => head,
  PageUp: () => anotherDay(-1), PageDown: () => anotherDay(1),
};

function keyed(event) {
  if (event.metaKey || event.ctrlKey || event.altKey || event.target === box) return;
  const key = KEYS[event.key];
  if (!key) return;
  // Elsewhere in the block up and down scroll, as everywhere.
  if (event.key.startsWith('Arrow') && 'UpDown'.includes(event.key.slice(5)) && event.target !== slider) return;
  event.preventDefault();
  go(key(), false);
}
scrub.addEventListener('keydown', keyed);
document.getElementById('events').addEventListener('keydown', keyed);

// -- Answers --

// htmx asks one at a time and keeps the last wish, so answers come in order. An answer that is
// older than the one on the screen would still be refused here.
const asked = new WeakMap();
let asks = 0;
let landed = 0;

slider.addEventListener('htmx:before:request', (event) => { asked.set(event.detail.ctx, ++asks); });
slider.addEventListener('htmx:before:swap', (event) => {
  const order = asked.get(event.detail.ctx) || 0;
  if (order < landed) event.preventDefault();
  landed = Math.max(landed, order);
});

let retries = 0;
slider.addEventListener('htmx:finally:request', (event) => {
  if (Number(shown()) === wanted()) {
    retries = 0;
  } else if ((event.detail.ctx.response?.status || 0) >= 400 || !event.detail.ctx.response) {
    document.getElementById('say').textContent =
      `Step ${wanted()} could not be loaded. The panel shows step ${shown()}.`;
  } else if (retries++ < 2) {
    setTimeout(() => Number(shown()) !== wanted() && go(wanted(), false), 50);
  }
});

document.addEventListener('htmx:after:swap', () => {
  if (Number(shown()) === wanted()) { panel.removeAttribute('aria-busy'); say(); }
  collect();
  const at = timeOf(wanted());
  if (moved) { line(at); if (shows(at)) tenses(at); highlight(wanted()); }
  ready();
});

let moved = false;
for (const kind of ['input', 'change']) slider.addEventListener(kind, () => { moved = true; }, true);

// -- Copying --

function ready() {
  for (const el of document.querySelectorAll('[data-copy][hidden]')) {
    if (navigator.clipboard) el.hidden = false;
  }
}

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  const here = new URL(address(wanted()), location.href).href;
  const words = button.dataset.copy === 'answer' ? `${document.getElementById('answer').textContent} ` : '';
  await navigator.clipboard.writeText(words + here);
  document.getElementById('say').textContent = 'Copied.';
});

// Back to a page that the browser kept: the slider may hold a later value than the page shows.
slider.value = shown();
collect();
ready();
const current = document.querySelector('.ev[aria-current]');
if (current) reveal(current);
