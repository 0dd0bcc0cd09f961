// What all parts of the page use: elements, the token, what is remembered, the connection.
const $ = id => document.getElementById(id);
function make(name, classes, text) {
  const element = document.createElement(name);
  if (classes) element.className = classes;
  if (text !== undefined) element.textContent = text;
  return element;
}
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Milliseconds.
const waits = { hidden: 5000, again: 2000, silence: 40000, unsent: 30000, answer: 180000, idle: 300000, restart: 30000 };

// A '+' of a token is none of a form's spaces: the server takes it as it is.
const token = new URLSearchParams(location.search.replaceAll('+', '%2B')).get('token');
const at = path => token ? path + (path.includes('?') ? '&' : '?') + 'token=' + encodeURIComponent(token) : path;
/// An answer's JSON. Throws an Error whose `status` is the answer's, 0: nobody answered.
async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(token ? { Authorization: 'Bearer ' + token } : {}) };
  let answer, page;
  try {
    answer = await fetch(path, { ...options, headers, cache: 'no-store', signal: AbortSignal.timeout(15000) });
    page = await answer.json();
  } catch {
    throw Object.assign(new Error(word('unreachable')), { status: 0 });
  }
  if (!answer.ok && path !== '/ready') throw Object.assign(new Error(page.error || String(answer.status)), { status: answer.status });
  return page;
}

// A browser may forbid a page to remember anything.
function remembered(name) {
  try { return localStorage.getItem('prot.' + name); } catch { return null; }
}
function remember(name, value) {
  try { localStorage.setItem('prot.' + name, value); } catch { /* then it is asked again next time */ }
}
function paint(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}
const kWish = (navigator.languages || [navigator.language]).find(one => /^(ko|en)\b/.test(one || '')) || 'en';
$('language').value = remembered('language') || kWish.slice(0, 2);
$('theme').value = remembered('theme') || '';
speak($('language').value);
paint($('theme').value);
$('language').addEventListener('change', () => { speak($('language').value); show($('lamps').dataset.state); remember('language', $('language').value); });
$('theme').addEventListener('change', () => { paint($('theme').value); remember('theme', $('theme').value); });

function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('');
}
/// HH:MM:SS by this browser's clock.
function clock(when = new Date()) {
  return [when.getHours(), when.getMinutes(), when.getSeconds()].map(part => String(part).padStart(2, '0')).join(':');
}
/// What somebody said is read aloud in its own language, which need not be the page's.
function inItsLanguage(element, text) {
  const its = /[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]/.test(text) ? 'ko' : /[a-z]/i.test(text) ? 'en' : null;
  if (its) element.lang = its;
  else element.removeAttribute('lang');
  return element;
}
/// For those who do not see the page: said once, politely. A repeated text is said again. `said`: somebody's words.
function announce(text, said = '', rest = '') {
  const line = make('p', '', text);
  line.append(inItsLanguage(make('span', '', said), said), rest);
  $('said').append(line);
  while ($('said').childElementCount > 4) $('said').firstElementChild.remove();
}

// The connection: what of it is not there, and since when it is broken.
const broken = new Set(['events']);
let brokenAt = null;
function link(is, name, value) {
  const shown = $('link').dataset;
  if (shown.is === is && $('link-words').dataset.t === name && $('link-words').dataset.v === value) return;
  shown.is = is;
  $('pulse').hidden = is !== 'live';
  tell($('link-words'), name, value);
}
function lose(what, error) {
  if (error && error.status === 401) return link('refused', 'refusedToken');
  broken.add(what);
  brokenAt = brokenAt || new Date();
  if (what === 'events' && $('link').dataset.is === 'refused') return;  // a stream cannot tell why it was refused
  link('lost', 'lost', clock(brokenAt));
}
function regain(what) {
  if (!broken.delete(what) || broken.size > 0 || brokenAt === null) return;
  brokenAt = null;
  note('back');
}
