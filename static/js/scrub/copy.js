// Copies links and the answer to paste.
import { address, wanted } from './where.js';
import { say } from './words.js';

async function pinned(link) {
  const answer = await fetch(link.href, { headers: { Accept: 'text/plain' } });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

async function write(text, words) {
  try {
    await navigator.clipboard.writeText(await text);
    say(words);
  } catch {
    say('Could not be copied.');
  }
}

export function copy(what) {
  if (what.id === 'pin') {
    write(pinned(what), 'Pinned link copied: it says when folding gives another state.');
    return;
  }
  const here = new URL(address(wanted()), location.href).href;
  const answer = what.dataset.copy === 'answer';
  write((answer ? `${document.getElementById('answer').textContent} ` : '') + here, answer ? 'Answer copied.' : 'Link copied.');
}
