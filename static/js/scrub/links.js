// Links move the playhead in place; with a modifier they open as any link.
import { address, carried, head, placeOf, refresh, remember, scrub, wanted } from './where.js';
import { go, rest } from './move.js';
import { placeAt } from './drag.js';
import { chartUnder, instantIn } from './picture.js';

const plain = (event) =>
  !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button || event.defaultPrevented);

function target(link) {
  const { by, place, version } = link.dataset;
  if (by) return Math.min(head, Math.max(0, wanted() + Number(by)));
  return place === undefined ? placeOf(Number(version)) : Number(place);
}

// A link that changes something of the view keeps the step that is shown now.
function change(event, link) {
  const changes = link.dataset.change;
  if (link.dataset.region && plain(event)) {
    event.preventDefault();
    refresh(link.dataset.region, changes).then(() => remember(false));
  } else {
    link.href = address(wanted(), changes);
  }
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a');
  if (!link) return;
  if (link.dataset.change !== undefined && !link.hasAttribute('hx-get')) { change(event, link); return; }
  if (!['by', 'place', 'version'].some((name) => link.dataset[name] !== undefined)) return;
  if (!plain(event)) return;
  const place = target(link);
  if (place === undefined) return; // not in the index: the link itself leads there
  event.preventDefault();
  go(place, { push: true, t: link.dataset.t || '' });
});

// A click where nothing is drawn goes to that instant: the last step until then, and the clock on.
scrub.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.target.closest('a, button, input, select')) return;
  const chart = chartUnder(event.target);
  if (!chart || event.target.closest('.knob')) return;
  const { place, t } = placeAt(instantIn(chart, event.clientX));
  go(place, { push: true, t });
});

const box = document.getElementById('box');
document.getElementById('jump').addEventListener('submit', (event) => {
  event.preventDefault();
  if (/^\d+$/.test(box.value.trim())) {
    const place = placeOf(Math.min(Number(box.value), head));
    if (place !== undefined) { go(place, { push: true }); box.blur(); return; }
  }
  const url = new URL(address(wanted(), 't='), location.href);
  url.searchParams.set('v', box.value.trim());
  location.assign(`${scrub.dataset.base}?${url.searchParams}`);
});

// The filter changes the list alone; then the panel learns the ways along it, and the address.
const form = document.getElementById('filter');
for (const el of form.querySelectorAll('[data-plain]')) el.remove();
document.addEventListener('htmx:after:swap', (event) => {
  if (event.detail.ctx?.sourceElement !== form) return;
  rest(true);
  go(wanted(), { t: carried() });
});
