// The pages of altmonitor while somebody looks: the stream of alerts, cells that change, tables without a reload.
// Everything can be read without it.

const body = document.body;
const root = body.dataset.root;
const FROZEN_MS = 18000;
const LOOK_MS = 1000;
const AGAIN_MS = 2000;
const ANSWER_MS = 10000;
const TYPING_MS = 200;
const LATER = /<noscript>[\s\S]*?<\/noscript>/;
const LATER_MS = 300;
const ROWS_AT_ONCE = 40;

const wait = ms => new Promise(done => setTimeout(done, ms));
const nothing = () => {};

async function ask(address, more = {}) {
  const answer = await fetch(address, { cache: 'no-store', signal: AbortSignal.timeout(ANSWER_MS), ...more });
  if (answer.status === 401) location.reload();  // signed out meanwhile: the page asks for the token
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer;
}

// --- does the monitor still speak? -------------------------------------------------------------------------------

let heardMs = Date.now();
let isFrozen = false;
const frozen = document.getElementById('frozen');

function heard() {
  heardMs = Date.now();
  if (!isFrozen) return;
  isFrozen = false;
  frozen.hidden = true;
  delete body.dataset.frozen;
  refresh('');
}

function listen() {
  const silentMs = Date.now() - heardMs;
  if (document.hidden || silentMs < FROZEN_MS) return;
  const seconds = Math.round(silentMs / 1000);
  const text = body.dataset.sayFrozen.replace('#', seconds - seconds % 5);
  if (frozen.textContent !== text) frozen.textContent = text;
  if (!isFrozen) {
    isFrozen = true;
    frozen.hidden = false;
    body.dataset.frozen = '';
    stream.abort();
  }
}

// --- the stream of alerts ----------------------------------------------------------------------------------------

let stream = new AbortController();
let lastId = body.dataset.after;

async function follow() {
  for (;;) {
    while (document.hidden) await wait(LOOK_MS);
    stream = new AbortController();
    try {
      await read(stream.signal);
    } catch (problem) {
      nothing(problem);  // it is tried again, and `listen` says what a reader has to know
    }
    await wait(AGAIN_MS);
  }
}

// Not an EventSource: that hides the signs of life which tell a quiet market from a frozen connection.
async function read(signal) {
  const headers = lastId ? { 'Last-Event-ID': lastId } : {};
  const answer = await fetch(`${root}api/stream`, { headers, signal, cache: 'no-store' });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    const events = (rest + value).split('\n\n');
    rest = events.pop();
    events.forEach(take);
  }
}

function take(event) {
  const fields = Object.fromEntries(event.split('\n').map(line => line.split(/: ?(.*)/s, 2)));
  if (fields.id) lastId = fields.id;
  if (['alert', 'update', 'reset'].includes(fields.event)) news();
  if (fields.event === 'health') refresh('').catch(nothing);
}

// --- pieces of a page that are asked for again -------------------------------------------------------------------

let isAsking = false;
let isMore = false;

async function news() {
  if (isAsking) {
    isMore = true;
    return;
  }
  isAsking = true;
  do {
    isMore = false;
    await refresh('alert');
    await wait(isMore ? LOOK_MS : 0);
  } while (isMore);
  isAsking = false;
}

async function refresh(reason) {
  const pieces = [...document.querySelectorAll('[data-piece]')].filter(piece => (piece.dataset.on || '') === reason);
  await Promise.all(pieces.map(piece => renew(piece).catch(nothing)));
}

async function renew(piece) {
  const html = await (await ask(piece.dataset.piece)).text();
  if (piece.dataset.once !== undefined) {
    piece.innerHTML = html;
    delete piece.dataset.piece;
    return;
  }
  const fresh = new DOMParser().parseFromString(html, 'text/html').body.firstElementChild;
  if (piece.id === 'state') {
    body.dataset.state = fresh.dataset.state;
    if (piece.outerHTML !== fresh.outerHTML) piece.replaceWith(fresh);
  } else {
    merge(piece, fresh);
  }
}

// Rows that stay keep the focus and their place; a new one is marked for a moment.
function merge(list, fresh) {
  const known = new Map([...list.children].map(row => [row.dataset.key, row]));
  const wasEmpty = known.has('');
  let place = list.firstElementChild;
  for (const row of [...fresh.children]) {
    const old = known.get(row.dataset.key);
    known.delete(row.dataset.key);
    if (!old) {
      row.classList.add('new');
      setTimeout(() => row.classList.remove('new'), 5000);
      list.insertBefore(row, place);
      continue;
    }
    if (old.innerHTML !== row.innerHTML) old.innerHTML = row.innerHTML;
    old.title = row.title;
    if (old !== place) list.insertBefore(old, place);
    place = old.nextElementSibling;
  }
  known.forEach(row => row.remove());
  if (wasEmpty) list.scrollTop = 0;
}

// --- the market: cells of the rows on the screen, once a second --------------------------------------------------

async function tick() {
  const table = document.querySelector('table[data-live]');
  if (!table || document.hidden || isFrozen) return;
  const rows = visible(table);
  if (!rows.length) return;
  const names = rows.map(row => encodeURIComponent(row.cells[0].textContent.trim())).join(',');
  const found = await (await ask(`${table.dataset.live}symbols=${names}`)).json();
  for (const row of rows) {
    const [title, ...cells] = found[row.cells[0].textContent.trim()] || [];
    if (title === undefined) continue;
    row.title = title;
    cells.forEach((cell, at) => {
      const [text, tone] = Array.isArray(cell) ? cell : [cell, ''];
      const shown = row.cells[at + 1];
      if (shown.textContent === text) return;
      shown.textContent = text;
      shown.className = tone ? `${tone} was` : 'was';
      setTimeout(() => shown.classList.remove('was'), 600);
    });
  }
}

function visible(table) {
  const rows = [...table.tBodies[0].rows].filter(row => row.cells.length > 1);
  if (!rows.length) return rows;
  const low = first(rows, row => row.getBoundingClientRect().bottom > 0);
  const high = first(rows, row => row.getBoundingClientRect().top > innerHeight);
  return rows.slice(low, Math.min(high, low + 60));
}

// Rows further down are text until they are needed: a phone needs seconds for the layout of ten thousand cells. They
// come a few at a time while nothing else is to be done, sooner where somebody scrolls to; until then a row as high as
// all of them keeps their place.

let later = [];
let filler;

// html: what stands in <noscript>; '' for none.
function keepLater(html) {
  const table = document.querySelector('table[data-live]');
  const rows = html.match(/<tr[\s\S]*?<\/tr>/g) || [];
  later = rows;
  if (!rows.length || !table) return;
  const shown = table.tBodies[0];
  filler = shown.insertRow();
  filler.className = 'filler';
  filler.setAttribute('aria-hidden', 'true');
  filler.insertCell().colSpan = table.tHead.rows[0].cells.length;
  filler.dataset.height = shown.getBoundingClientRect().height / (shown.rows.length - 1);
  stretch();
  const more = () => rows === later && add() && idle(more);
  setTimeout(more, LATER_MS);
}

const idle = work => (window.requestIdleCallback || (then => setTimeout(then, 100)))(work, { timeout: LATER_MS });

function stretch() {
  filler.firstChild.style.height = `${later.length * filler.dataset.height}px`;
}

// False: there are no more.
function add() {
  const some = later.splice(0, ROWS_AT_ONCE);
  if (!some.length) return false;
  const made = document.createElement('template');
  made.innerHTML = some.join('');
  filler.before(made.content);
  if (later.length) stretch(); else filler.remove();
  return later.length > 0;
}

addEventListener('scroll', () => {
  for (let left = 3; left && later.length && filler.getBoundingClientRect().top < 2 * innerHeight; left--) add();
}, { passive: true });

function first(rows, isSo) {
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isSo(rows[middle])) high = middle; else low = middle + 1;
  }
  return low;
}

// A number says on hover what it is, in which unit, and how old: the head's meaning and the row's ages.
document.addEventListener('pointerover', event => {
  const cell = event.target.closest('table.live td');
  if (!cell || cell.cellIndex < 1) return;
  const head = cell.closest('table').tHead.rows[0].cells[cell.cellIndex];
  cell.title = `${head.textContent.trim()} ${cell.textContent} – ${head.title} ${cell.parentElement.title}`;
});

// --- sort, search and filters: the address says what is shown, the server makes it -------------------------------

let turn = 0;

async function swap(address, isNew) {
  const mine = ++turn;
  const url = new URL(address, location.href);
  if (isNew) history.pushState(null, '', url);
  const html = await (await ask(url)).text();
  const kept = (html.match(LATER) || [''])[0];
  const page = new DOMParser().parseFromString(html.replace(kept, ''), 'text/html');
  const fresh = page.getElementById('swap');
  if (mine !== turn) return;
  if (!fresh) return location.assign(url);
  const old = document.getElementById('swap');
  const focus = old.contains(document.activeElement) ? document.activeElement.closest('th')?.cellIndex : undefined;
  old.replaceWith(fresh);
  keepLater(kept);
  if (focus !== undefined) fresh.querySelectorAll('thead a')[focus]?.focus();
  for (const told of document.querySelectorAll('[data-told]')) {
    told.textContent = page.getElementById(told.id)?.textContent || '';
  }
  if (!isNewer) sync(url.searchParams, page);
}

function sync(params, page) {
  for (const field of document.querySelectorAll('form[data-swap] [name]')) {
    if (field === document.activeElement && ['search', 'number'].includes(field.type)) continue;
    const fresh = page.querySelector(`form[data-swap] [name="${field.name}"]`);
    field.value = fresh ? fresh.value : params.get(field.name) || '';
  }
  document.dispatchEvent(new Event('synced'));
}

function send(form, isNew) {
  const given = [...new FormData(form)].filter(([, value]) => value !== '');
  return swap(`?${new URLSearchParams(given)}`, isNew).catch(() => form.submit());
}

document.addEventListener('click', event => {
  const link = event.target.closest('a[data-swap]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  swap(link.href, true).catch(() => location.assign(link.href));
});

// One question at a time: a slider moves faster than anybody answers, and its last place is what is asked about.
let typing;
let isSwapping = false;
let isNewer = false;

async function follows(form) {
  isNewer = isSwapping;
  if (isSwapping) return;
  isSwapping = true;
  do {
    isNewer = false;
    const given = [...new FormData(form)].filter(([, value]) => value !== '');
    history.replaceState(null, '', `?${new URLSearchParams(given)}`);
    await send(form, false);
  } while (isNewer);
  isSwapping = false;
}

document.addEventListener('input', event => {
  const form = event.target.closest('form[data-swap]');
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(follows, ['search', 'number'].includes(event.target.type) ? TYPING_MS : 0, form);
});

document.addEventListener('submit', event => {
  const form = event.target;
  if (form.matches('form[data-swap]')) {
    event.preventDefault();
    clearTimeout(typing);
    send(form, true);
  } else if (form.dataset.setting) {
    event.preventDefault();
    const size = Number(form.elements.value.value);
    change({ [form.dataset.setting]: form.dataset.negative === '1' ? -size : size });
  } else if (form.dataset.apply) {
    event.preventDefault();
    change(JSON.parse(form.dataset.apply));
  }
});

addEventListener('popstate', () => document.getElementById('swap') && swap(location.href, false).catch(nothing));

// --- settings ----------------------------------------------------------------------------------------------------

// values: key → value as it is kept.
async function change(values) {
  const said = document.getElementById('said');
  const answer = await fetch(`${root}api/settings`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': body.querySelector('[data-csrf]').dataset.csrf },
    body: JSON.stringify(values),
  }).catch(problem => ({ ok: false, json: async () => ({ detail: `${problem}` }) }));
  if (answer.ok) return location.reload();
  const problem = await answer.json().catch(() => ({}));
  said.textContent = said.dataset.say.replace('#', problem.detail || answer.status);
  said.hidden = false;
}

// --- from now on -------------------------------------------------------------------------------------------------

function every(ms, work) {
  const again = async () => {
    if (!document.hidden) await Promise.resolve(work()).catch(nothing);
    setTimeout(again, ms);
  };
  setTimeout(again, ms);
}

const chart = document.getElementById('chart');
if (chart) {
  import(new URL(chart.dataset.module, location.href))
    .then(({ draw }) => draw(chart, every, ask))
    .catch(() => { chart.textContent = chart.dataset.sayFailed; });
}
const moves = document.querySelector('form[data-moves]');
if (moves) import(new URL(moves.dataset.moves, location.href)).then(({ slide }) => slide(moves)).catch(nothing);
keepLater(document.querySelector('#swap noscript')?.textContent || '');
setInterval(listen, LOOK_MS);
every(LOOK_MS, tick);
every(30000, () => refresh('alert'));
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return stream.abort();
  heardMs = Date.now();
  return refresh('').then(() => refresh('alert'));
});
addEventListener('pagehide', () => stream.abort());
follow();
