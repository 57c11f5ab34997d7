// Copies links and the answer to paste.
import { address, wanted } from './where.js';
import { say } from './words.js';

export function ready() {
  for (const el of document.querySelectorAll('[data-copy][hidden]')) {
    if (navigator.clipboard) el.hidden = false;
  }
}

async function pinned(link) {
  const answer = await fetch(link.href, { headers: { Accept: 'text/plain' } });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

async function copy(text, words) {
  try {
    await navigator.clipboard.writeText(await text);
    say(words);
  } catch {
    say('Could not be copied.');
  }
}

document.addEventListener('click', (event) => {
  const pin = event.target.closest('#pin');
  if (pin && navigator.clipboard && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    copy(pinned(pin), 'Pinned link copied: it says when folding gives another state.');
    return;
  }
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  const here = new URL(address(wanted()), location.href).href;
  const answer = button.dataset.copy === 'answer';
  copy((answer ? `${document.getElementById('answer').textContent} ` : '') + here, answer ? 'Answer copied.' : 'Link copied.');
});

document.addEventListener('htmx:after:swap', ready);
ready();
