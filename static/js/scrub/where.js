// Where the playhead stands, and what the page knows about every step without asking.

export const scrub = document.getElementById('scrub');
export const slider = document.getElementById('v');
export const base = scrub.dataset.base;
export const head = Number(scrub.dataset.head);
export const index = JSON.parse(document.getElementById('scrub-index').textContent);

const sums = (distances) => {
  const found = [];
  (distances || []).reduce((sum, each) => (found.push(sum + each), sum + each), 0);
  return found;
};

const from = index.from || 1; // of a long history only a window is told one by one
const times = sums(index.t);
const rough = sums(index.rough);
const versions = index.v ? sums(index.v) : null;
const places = versions && new Map(versions.map((version, i) => [version, i + from]));

export const known = (place) => place >= from && place < from + times.length;

// Step 0 lies a minute before the first event, as on the server.
export function timeOf(place) {
  if (place <= 0) return (rough[0] ?? times[0]) - 60000;
  if (known(place)) return times[place - from];
  const at = (place - 1) / index.stride;
  const low = rough[Math.floor(at)];
  const high = rough[Math.min(Math.ceil(at), rough.length - 1)];
  return low + (high - low) * (at % 1);
}

export const kindOf = (place) => index.k[place - from];

// In recorded order a place is a version; in the other the index tells, as far as it goes.
export const versionAt = (place) =>
  place <= 0 ? 0 : versions ? versions[place - from] : place;
export const placeOf = (version) => (version <= 0 ? 0 : versions ? places.get(version) : version);

export function lastUntil(ms) {
  let low = 0;
  let high = head;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (timeOf(middle) <= ms) low = middle;
    else high = middle - 1;
  }
  return low;
}

// -- The wish --

const carriedT = document.getElementById('carry-t');

export const wanted = () => Number(slider.value);
export const shown = () => document.getElementById('panel-in').dataset;

// The clock may have been asked to go on past the step, to `t`.
export const clockAt = () => (carriedT.value ? Date.parse(carriedT.value) : timeOf(wanted()));
const instantOf = (t) => (t ? Date.parse(t) : 0);
export const carried = () => carriedT.value;
export const carryOn = (t) => { carriedT.value = t || ''; };

// The panel says which place it shows, and how far the clock was asked to go on.
export const onShow = () =>
  Number(shown().place) === wanted() && instantOf(shown().t) === instantOf(carriedT.value);

// -- Addresses --

export function address(place, changes) {
  const query = new URLSearchParams();
  for (const el of document.querySelectorAll('[data-carry]')) {
    if (el.value && el.value !== 'changed') query.append(el.name, el.value);
  }
  for (const [name, value] of new URLSearchParams(changes || '')) {
    query.delete(name);
    if (value) query.set(name, value);
  }
  const text = query.toString();
  const version = versionAt(place);
  if (version === undefined) { // the order of this stretch is only known to the server
    query.set('place', place);
    return `${base}?${query}`;
  }
  return `${base}${version}/${text ? `?${text}` : ''}`;
}

let scrubbed = -Infinity;

// Scrubbing leaves one entry in the history of the browser; a chosen row or bar leaves its own.
export function remember(push) {
  const url = address(wanted());
  if (url === location.pathname + location.search || url.startsWith(`${base}?`)) return;
  const replace = !push && Date.now() - scrubbed < 2000;
  history[replace ? 'replaceState' : 'pushState']({ htmx: true }, '', url);
  scrubbed = push ? -Infinity : Date.now();
}

export function refresh(id, changes) {
  const region = document.getElementById(id);
  return htmx.ajax('GET', address(wanted(), changes), {
    target: `#${id}`, source: region, swap: 'innerHTML',
    headers: { 'HX-Target': `${region.tagName.toLowerCase()}#${id}` },
  });
}
