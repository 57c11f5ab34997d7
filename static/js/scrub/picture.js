// The picture follows in the same frame: line, tenses of the bars, what is in use.
import { index, timeOf, wanted, clockAt } from './where.js';

let drawn = null;

const knots = (el) => el.dataset.scale.split(' ').map((knot) => knot.split(':').map(Number));

export function collect() {
  const plot = document.getElementById('plot');
  const over = document.getElementById('over');
  drawn = null;
  if (!plot || !over) return; // shown as a table
  const all = (selector) => [...plot.querySelectorAll(selector)];
  drawn = {
    plot, scale: knots(plot), overScale: knots(over), overLine: over.querySelector('.o-head'),
    lines: all('.headhalo, .headline'), knob: plot.querySelector('.knob'),
    past: plot.querySelector('.pastarea'), veil: plot.querySelector('.veil'),
    bars: all('[data-a]').map((el) => ({
      el, from: Number(el.dataset.a), to: Number(el.dataset.b), device: el.dataset.device,
    })),
    marks: all('[data-m]').map((el) => ({ el, at: Number(el.dataset.m) })),
    lanes: all('[data-lane]'),
    partial: 'partial' in plot.dataset,
  };
}

// Time is even between two knots; idle time lies narrow between two of them.
function percent(scale, at) {
  if (at <= scale[0][0]) return 0;
  for (let i = 1; i < scale.length; i += 1) {
    const [left, x] = scale[i - 1];
    const [right, until] = scale[i];
    if (at <= right) return x + ((until - x) * (at - left)) / (right - left);
  }
  return 100;
}

function instant(scale, x) {
  for (let i = 1; i < scale.length; i += 1) {
    const [left, from] = scale[i - 1];
    const [right, until] = scale[i];
    if (x <= until) return left + ((right - left) * (x - from)) / (until - from);
  }
  return scale[scale.length - 1][0];
}

const text = (x) => `${x.toFixed(2)}%`;
const shows = (at) => at >= drawn.scale[0][0] && at <= drawn.scale[drawn.scale.length - 1][0];

function line(at) {
  const x = text(percent(drawn.scale, at));
  for (const el of drawn.lines) { el.setAttribute('x1', x); el.setAttribute('x2', x); }
  drawn.knob.setAttribute('x', x);
  drawn.past.setAttribute('width', x);
  drawn.veil.setAttribute('x', x);
  const over = text(percent(drawn.overScale, at));
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
  if (drawn.partial) return; // bars were merged, so only the server can count
  for (const lane of drawn.lanes) {
    const count = held.get(lane.dataset.lane) || 0;
    lane.textContent = `${count} ${lane.dataset.word}`;
    lane.classList.toggle('on', count > 0);
  }
  tell('use-downloads', [...held.values()].reduce((sum, n) => sum + n, 0), at);
  tell('use-devices', held.size, at);
}

function tell(id, number, at) {
  const el = document.getElementById(id);
  if (!el) return;
  let most = null;
  for (const [from, max] of index.limits[el.dataset.limit] || []) if (from <= at) most = max;
  el.textContent = most === null ? number : `${number} of ${most}`;
}

export function draw() {
  if (!drawn) return;
  const at = clockAt();
  line(at);
  if (shows(at)) tenses(at);
}

// Whether only the server can draw where the playhead is now.
export const stale = () => (drawn ? drawn.partial || !shows(timeOf(wanted())) : true);

// The part of the picture that an element belongs to; the knob of the line belongs to the lanes.
export function chartUnder(el) {
  if (!drawn) return null;
  return el.closest('.knob') ? drawn.plot.querySelector('.track-chart') : el.closest('.track-chart');
}

// The instant of a chart at so many pixels from the left of the screen; its ends hold it.
export function instantIn(chart, pixels) {
  const { left, width } = chart.getBoundingClientRect();
  const scale = chart.querySelector('#over') ? drawn.overScale : drawn.scale;
  return instant(scale, Math.min(100, Math.max(0, (100 * (pixels - left)) / width)));
}
