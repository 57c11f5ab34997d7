// The words of the readout, as the server writes them.
import { head, kindOf, known, timeOf, versionAt } from './where.js';

const WORDS = {
  g: 'download granted', r: 'license renewed', p: 'playback', e: 'license expired',
  x: 'license ended', f: 'request refused', a: 'account event',
};
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const two = (n) => String(n).padStart(2, '0');

export function stamp(ms) {
  const d = new Date(ms);
  const date = `${DAYS[d.getUTCDay()]} ${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
  const time = [d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()].map(two).join(':');
  return `${date} ${d.getUTCFullYear()} ${time} UTC`;
}

export function ago(ms) {
  const span = (Date.now() - ms) / 1000;
  const size = Math.abs(span);
  if (size < 5) return 'just now';
  const units = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const [unit, word] = units.find(([seconds]) => size >= seconds) || [1, 's'];
  const words = `${Math.floor(size / unit)} ${word}`;
  return span > 0 ? `${words} ago` : `in ${words}`;
}

export function valueText(place) {
  if (!place) return 'Before the first event';
  if (!known(place)) return `Step ${place} of ${head}, about ${stamp(timeOf(place))}`;
  return `Step ${versionAt(place)} of ${head}, ${stamp(timeOf(place))}, ${WORDS[kindOf(place)]}`;
}

export function say(words) {
  document.getElementById('say').textContent = words;
}
