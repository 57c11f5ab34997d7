// Moves through the grid by keys and writes into its cells; blocks are pasted, rows moved.
// The server answers every edit with the row and the findings; htmx puts them in their places.
// Without this file each cell is a link to its form.

const say = document.getElementById('grid-say');
const grid = () => document.getElementById('grid');
let active = '';      // the key of the cell that has the focus: row~column
let next = '';        // where the focus goes after the answer

const cellOf = (key) => [...(grid()?.querySelectorAll('[data-cell]') || [])]
  .find((el) => el.dataset.cell === key);
const rowOf = (cell) => cell.closest('tr[data-row]');
const cells = (row) => [...row.querySelectorAll('[data-cell]')];
const rows = () => [...grid().querySelectorAll('tr[data-row]')];

function tell(words) {
  if (say) say.textContent = words;
}

// -- One cell of the grid can be reached by Tab; the others by arrows --

function roving() {
  const table = grid();
  if (!table || table.getAttribute('role') !== 'grid') return;
  for (const row of table.querySelectorAll('tr')) row.setAttribute('role', 'row');
  for (const cell of table.querySelectorAll('td:not(.mk)')) cell.setAttribute('role', 'gridcell');
  const all = [...table.querySelectorAll('[data-cell]')];
  const chosen = cellOf(active) || all[0];
  for (const cell of all) cell.tabIndex = cell === chosen ? 0 : -1;
}

function go(cell) {
  if (!cell) return;
  const before = cellOf(active);
  if (before) before.tabIndex = -1;
  active = cell.dataset.cell;
  cell.tabIndex = 0;
  cell.focus({ preventScroll: true });
  cell.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

function move(cell, down, right) {
  const row = rowOf(cell);
  const all = rows();
  const target = all[Math.min(Math.max(all.indexOf(row) + down, 0), all.length - 1)];
  const line = cells(target);
  const place = Math.min(Math.max(cells(row).indexOf(cell) + right, 0), line.length - 1);
  return line[place];
}

// -- What is sent: one form, made when it is needed --

// Each edit waits for the answer to the one before: it is made on what that left behind.
const waiting = [];
let under = false;

function send(...edit) {
  waiting.push(edit);
  if (!under) post(...waiting.shift());
}

function post(url, values, then) {
  under = true;
  const form = document.createElement('form');
  form.hidden = true;
  form.method = 'post';
  form.action = url;
  const token = document.querySelector('input[name=csrfmiddlewaretoken]');
  const all = { csrfmiddlewaretoken: token?.value || '', revision: revision(), ...values };
  for (const [name, value] of Object.entries(all)) {
    const input = document.createElement('input');
    input.type = 'hidden';
    input.name = name;
    input.value = value;
    form.append(input);
  }
  form.setAttribute('hx-post', url);
  form.setAttribute('hx-target', '#grid-say');
  form.setAttribute('hx-swap', 'none');
  document.body.append(form);
  window.htmx.process(form);
  next = then;
  form.addEventListener('htmx:finally:request', () => setTimeout(() => {
    form.remove();
    under = false;
    if (waiting.length) post(...waiting.shift());
  }), { once: true });
  form.requestSubmit();
}

const revision = () => document.getElementById('revision')?.dataset.revision || '0';

// -- Writing in a cell --

function write(cell, text) {
  const holder = cell.closest('td');
  const column = holder?.dataset.column;
  if (!column || holder.classList.contains('writing')) return;
  const shown = cell.textContent === '–' ? '' : cell.textContent;
  const input = document.createElement('input');
  input.value = text ?? shown;
  input.dataset.of = cell.dataset.cell;
  input.setAttribute('aria-label', `${column} of ${rowOf(cell).dataset.row}`);
  input.autocomplete = 'off';
  input.maxLength = 4000;
  cell.hidden = true;
  holder.classList.add('writing');
  holder.append(input);
  input.focus();
  if (text === undefined) input.select();
  let over = false;
  const close = (target) => {
    over = true;
    input.remove();
    cell.hidden = false;
    holder.classList.remove('writing');
    if (target) go(target);
  };
  const keep = (target) => {
    if (over) return;
    const value = input.value;
    close(target);
    if (value.trim() === shown.trim()) return;
    commit(cell, column, value, (target || cell).dataset.cell);
  };
  input.addEventListener('keydown', (event) => {
    event.stopPropagation();
    if (event.key === 'Escape') { event.preventDefault(); close(cell); }
    if (event.key === 'Enter') { event.preventDefault(); keep(move(cell, event.shiftKey ? -1 : 1, 0)); }
    if (event.key === 'Tab') { event.preventDefault(); keep(move(cell, 0, event.shiftKey ? -1 : 1)); }
  });
  input.addEventListener('blur', () => { if (!held) keep(null); });
}

function commit(cell, column, value, then) {
  const row = rowOf(cell).dataset.row;
  send(grid().dataset.cell, {
    table: grid().dataset.table, row, column, [`way:${column}`]: 'text', [`text:${column}`]: value,
  }, then);
  tell('Saving');
}

// -- Keys --

function keys(event) {
  const cell = event.target.closest?.('[data-cell]');
  if (!cell || cell === grid() || !grid()?.contains(cell)) return;
  const control = event.ctrlKey || event.metaKey;
  const row = rowOf(cell);
  if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
    event.preventDefault();
    act(row, event.key === 'ArrowUp' ? 'up' : 'down', cell.dataset.cell);
    return;
  }
  if (event.altKey) return;
  if (control) {
    if (event.key === 'Home') { event.preventDefault(); go(cells(rows()[0])[0]); }
    if (event.key === 'End') { event.preventDefault(); go(cells(rows().at(-1)).at(-1)); }
    if (event.key === 'd') { event.preventDefault(); act(row, 'duplicate', ''); }
    return;
  }
  const steps = {
    ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    PageUp: [-10, 0], PageDown: [10, 0],
  };
  if (steps[event.key]) { event.preventDefault(); go(move(cell, ...steps[event.key])); return; }
  if (event.key === 'Home') { event.preventDefault(); go(cells(row)[0]); return; }
  if (event.key === 'End') { event.preventDefault(); go(cells(row).at(-1)); return; }
  if (event.key === 'Enter') { event.preventDefault(); open(cell.href); return; }
  if (event.key === 'F2') { event.preventDefault(); write(cell); return; }
  const column = cell.closest('td')?.dataset.column;
  if ((event.key === 'Delete' || event.key === 'Backspace') && column) {
    event.preventDefault();
    commit(cell, column, '', cell.dataset.cell);
    return;
  }
  if (event.key.length === 1 && event.key !== ' ' && column) {
    event.preventDefault();
    write(cell, event.key);
  }
}

function act(row, what, then) {
  send(grid().dataset.rows, { table: grid().dataset.table, row: row.dataset.row, act: what }, then);
}

// -- The form under a row --

function open(href) {
  const url = new URL(href, location.href);
  active = `${url.searchParams.get('row')}~${url.searchParams.get('column') || ''}`;
  document.getElementById('drawer')?.remove();
  next = 'drawer';
  window.htmx.ajax('GET', url.pathname + url.search, { target: '#grid-say', swap: 'none' });
}

function close() {
  const drawer = document.getElementById('drawer');
  if (!drawer) return;
  drawer.remove();
  go(cellOf(active));
}

document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !grid()) return;
  if (link.hasAttribute('data-close')) { event.preventDefault(); close(); return; }
  if (!link.hasAttribute('data-open')) return;
  event.preventDefault();
  // A first click chooses a cell, as in a spreadsheet; a second one opens its form.
  const chosen = link.dataset.cell && document.activeElement === link && active === link.dataset.cell;
  if (link.dataset.cell && !chosen && !link.dataset.cell.endsWith('~')) go(link);
  else open(link.href);
});

document.addEventListener('mousedown', (event) => {
  // Else the browser's own focus would make every click look like the second one.
  const link = event.target.closest?.('a[data-cell]');
  if (link && document.activeElement !== link) event.preventDefault();
});

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && document.getElementById('drawer')) { close(); return; }
  keys(event);
});

document.addEventListener('focusin', (event) => {
  const cell = event.target.closest?.('[data-cell]');
  if (cell && cell !== grid() && grid()?.contains(cell)) active = cell.dataset.cell;
});

// -- Blocks --

document.addEventListener('copy', (event) => {
  const cell = document.activeElement?.closest?.('[data-cell]');
  if (!cell || cell === grid() || String(getSelection())) return;
  event.clipboardData.setData('text/plain', cell.textContent === '–' ? '' : cell.textContent);
  event.preventDefault();
});

document.addEventListener('paste', (event) => {
  const cell = document.activeElement?.closest?.('[data-cell]');
  if (!cell || cell === grid() || !grid()?.contains(cell)) return;
  const column = cell.closest('td')?.dataset.column;
  const block = event.clipboardData.getData('text/plain');
  if (!column || !block) return;
  event.preventDefault();
  const url = document.querySelector('#paste form').action;
  tell('Pasting');
  send(url, { table: grid().dataset.table, row: rowOf(cell).dataset.row, column, block }, cell.dataset.cell);
});

// -- The way of a condition shows the fields that it needs --

function ways(root) {
  for (const select of root.querySelectorAll('[data-way]')) {
    const show = () => {
      for (const field of select.closest('.editor').querySelectorAll('[data-for]')) {
        field.hidden = !field.dataset.for.split(' ').includes(select.value);
      }
    };
    select.addEventListener('change', show);
    show();
  }
}

// -- After an answer: revisions, the one reachable cell, and where the focus was --

// What somebody is writing while an answer puts other rows in place is taken up where it was.
// Keys that come while nothing has the focus, since its place is being put anew, are pressed then.
let held = null;
let missed = null;
let chosen = '';      // the key of the cell that had the focus when an answer came
const ALSO = { altKey: ['ArrowUp', 'ArrowDown'], ctrlKey: ['d', 'Home', 'End'], metaKey: ['d', 'Home', 'End'] };

document.addEventListener('htmx:before:swap', () => {
  chosen = active;
  held = grid()?.querySelector('.writing input') || null;
  if (grid()?.contains(document.activeElement)) missed ||= [];
});

document.addEventListener('keydown', (event) => {
  const nowhere = !document.activeElement || document.activeElement === document.body;
  const others = Object.keys(ALSO).filter((name) => event[name]);
  if (!missed || !nowhere || !others.every((name) => ALSO[name].includes(event.key))) return;
  event.preventDefault();
  event.stopPropagation();
  missed.push(event);
}, { capture: true });

function press({ key, shiftKey, altKey, ctrlKey, metaKey }) {
  const at = document.activeElement;
  if (key.length === 1 && at.matches('.writing input')) at.setRangeText(key, at.selectionStart, at.selectionEnd, 'end');
  else at.dispatchEvent(new KeyboardEvent('keydown', { key, shiftKey, altKey, ctrlKey, metaKey, bubbles: true, cancelable: true }));
}

function resume() {
  const was = held;
  held = null;
  if (was && !grid()?.querySelector('.writing input')) {
    const cell = cellOf(was.dataset.of);
    if (cell) write(cell, was.value);
  }
  const input = grid()?.querySelector('.writing input');
  if (!input) return false;
  input.focus();
  if (was) input.setSelectionRange(was.selectionStart, was.selectionEnd);
  return true;
}

function settle() {
  restore();
  const late = missed || [];
  missed = null;
  late.forEach(press);
}

function restore() {
  const now = revision();
  for (const input of document.querySelectorAll('input[name=revision]')) {
    if (!input.closest('.drawer')) input.value = now;
  }
  roving();
  const writing = resume();
  const drawer = document.getElementById('drawer');
  if (drawer && !drawer.dataset.ready) {
    drawer.dataset.ready = 'yes';
    ways(drawer);
    if (writing) {
      tell(drawer.querySelector('[role=alert]')?.textContent || '');
      return;
    }
    const first = drawer.querySelector('[aria-invalid=true], select, input:not([type=hidden])');
    first?.focus();
    drawer.scrollIntoView({ block: 'nearest' });
    if (drawer.querySelector('[role=alert]')) tell(drawer.querySelector('[role=alert]').textContent);
    next = '';
    return;
  }
  if (writing) {
    next = '';
    tell('Saved');
    return;
  }
  const focus = next || grid()?.dataset.focus || '';
  if (!focus || focus === 'drawer') return;
  next = '';
  const cell = cellOf(focus.replace(/^c-/, ''));
  const lost = !document.activeElement || document.activeElement === document.body;
  // Whoever chose another cell meanwhile stays there.
  if (cell && (lost || (active === chosen && grid()?.contains(document.activeElement)))) go(cell);
  delete grid()?.dataset.focus;
  tell('Saved');
}

document.addEventListener('htmx:after:swap', settle);
document.addEventListener('htmx:after:request', () => setTimeout(settle));
ways(document);
roving();
const opened = document.getElementById('drawer');
if (opened) settle();
