// The instruments: /diagnostics as tables, once a second.
const kSteps = ['detected', 'transcript', 'request', 'first token', 'first segment', 'first audio', 'audible'];
const kMostTurns = 8;
const kMostErrors = 8;
const number = (value, digits = 0) => value === null || value === undefined ? '–' : value.toFixed(digits);
const mib = bytes => bytes === null ? '–' : (bytes / 1048576).toFixed(1);
const kib = bytes => Math.round(bytes / 1024).toString();
function span(ms) {
  if (ms === null) return '–';
  const s = Math.floor(ms / 1000);
  if (s < 100) return word('seconds', s);
  if (s < 6000) return word('minutes', Math.floor(s / 60));
  return s < 172800 ? word('hours', Math.floor(s / 3600)) : word('days', Math.floor(s / 86400));
}

/// A table whose rows stay the same elements, so that focus and selection survive each look. Columns: `name`
/// of its word, `show(row)` text or `draw(cell, row)`, `bad(row)`, `classes`. The first names the row.
function table(element, columns, nameOf) {
  const head = make('tr');
  for (const column of columns) {
    const cell = make('th', column.classes || '');
    cell.scope = 'col';
    const text = make('span', column.hides ? 'hidden' : '');
    tell(text, column.name);
    cell.append(text);
    if (column.step) cell.append(make('span', 'swatch ' + column.step));
    if (column.head) column.head(cell);
    head.append(cell);
  }
  element.append(make('thead'), make('tbody'));
  element.tHead.append(head);
  const shown = new Map();
  return rows => {
    const names = rows.map(nameOf);
    for (const [name, row] of shown) if (!names.includes(name)) { row.remove(); shown.delete(name); }
    rows.forEach((row, index) => {
      let tr = shown.get(names[index]);
      if (!tr) {
        tr = make('tr');
        columns.forEach((column, place) => {
          const cell = make(place === 0 ? 'th' : 'td', column.classes || '');
          if (place === 0) cell.scope = 'row';
          tr.append(cell);
        });
        shown.set(names[index], tr);
      }
      if (element.tBodies[0].children[index] !== tr) element.tBodies[0].insertBefore(tr, element.tBodies[0].children[index] || null);
      columns.forEach((column, place) => {
        const cell = tr.cells[place];
        if (column.draw) column.draw(cell, row);
        else put(cell, column.show(row));
        cell.classList.toggle('bad', Boolean(column.bad && column.bad(row)));
      });
    });
  };
}

// -- latency
let axis = 1000;
const kAxes = [400, 800, 1200, 1600, 2000, 3000, 4000, 6000, 8000, 12000, 20000, 40000];
const stepOf = (turn, name) => turn.steps.find(step => step.step === name);
const total = turn => turn.steps.length ? turn.steps[turn.steps.length - 1].ms : null;
function drawBar(cell, turn) {
  if (!cell.firstChild) {
    const bar = make('div', 'bar');
    bar.setAttribute('aria-hidden', 'true');
    for (const name of kSteps) bar.append(make('span', 'part ' + name.replace(' ', '-')));
    const words = make('div', 'words');
    words.append(make('span', 'asked'), make('span', 'soft model'), make('span', 'tag strong'));
    cell.append(bar, words);
  }
  [...cell.firstChild.children].forEach((part, index) => {
    const step = stepOf(turn, kSteps[index]);
    part.style.width = step ? Math.min(100, Math.max(0, step.added_ms) / axis * 100) + '%' : '0';
  });
  const [words, model, tag] = cell.lastChild.children;
  for (const [part, text] of [[words, asked.get(turn.turn + ':' + turn.speech_end_ns)], [model, turn.model]]) {
    put(part, text || '');
    if (part === words) inItsLanguage(part, text || '');
    part.hidden = !text;
  }
  tag.hidden = !turn.failed && !turn.interrupted;
  if (!tag.hidden) tell(tag, turn.failed ? 'failed' : 'cut');
}
function drawAxis(cell) {
  const scale = make('div', 'axis');
  scale.setAttribute('aria-hidden', 'true');
  for (let tick = 0; tick <= 4; ++tick) scale.append(make('span'));
  cell.append(scale);
}
const showTurns = table($('turns'), [
  { name: 'turn', show: turn => String(turn.turn), classes: 'number' },
  { name: 'heard', draw: drawBar, classes: 'chart', head: drawAxis, hides: true },
  { name: 'total', show: turn => number(total(turn)), classes: 'number total' },
  ...kSteps.map(name => ({
    name, step: name.replace(' ', '-'), classes: 'number step', show: turn => { const step = stepOf(turn, name); return step ? number(step.added_ms) : '–'; } })),
], turn => turn.turn + ':' + turn.speech_end_ns);
function lookAtTurns(turns) {
  const newest = turns.slice(0, kMostTurns), totals = turns.map(total).filter(ms => ms !== null).sort((a, b) => a - b);
  const longest = Math.max(0, ...newest.map(turn => total(turn) || 0));
  axis = kAxes.find(one => one >= longest) || longest;
  [...$('turns').querySelector('.axis').children].forEach((tick, index) => put(tick, String(axis / 4 * index)));
  showTurns(newest);
  if (totals.length) tell($('median'), 'median', totals[Math.floor((totals.length - 1) / 2)]);
  else tell($('median'), 'noTurns');
}

// -- programs
const kGood = ['ready', 'done'];
const kAway = ['down', 'failed'];
function drawState(cell, row) {
  if (!cell.firstChild) cell.append(make('span', 'mark'), make('span'));
  cell.dataset.is = kGood.includes(row.state) ? 'good' : kAway.includes(row.state) ? 'away' : 'between';
  cell.firstChild.setAttribute('aria-hidden', 'true');
  tell(cell.lastChild, row.state);
}
const kSignals = { 1: 'HUP', 2: 'INT', 4: 'ILL', 6: 'ABRT', 7: 'BUS', 8: 'FPE', 9: 'KILL', 11: 'SEGV', 13: 'PIPE', 15: 'TERM', 31: 'SYS' };
const kSlowBeat = 5000;  // ms; whoever is silent for longer is about to be ended
/// A code, or minus the signal that ended it.
function exitOf(code) {
  if (code === null || code >= 0) return number(code);
  return kSignals[-code] ? 'SIG' + kSignals[-code] : word('signal', -code);
}
function beatOf(row) {
  if (row.asleep) return word('asleep');  // until something comes: healthy, however long ago it was
  return row.heartbeat_age_ms === null ? '–' : word('seconds', (row.heartbeat_age_ms / 1000).toFixed(1));
}
function drawRestart(cell, row) {
  if (cell.firstChild) return;
  const button = make('button', 'small');
  button.type = 'button';
  tell(button, 'restart');
  label(button, 'restartOf', row.name);
  button.addEventListener('click', () => restart(row.name, button));
  cell.append(button);
}
const showStages = table($('stages'), [
  { name: 'program', show: r => r.name },
  { name: 'is', draw: drawState, classes: 'state' },
  { name: 'up', show: r => span(r.up_ms), classes: 'number' },
  { name: 'restarts', show: r => String(r.restarts), bad: r => r.restarts > 0, classes: 'number' },
  { name: 'lastExit', show: r => exitOf(r.last_exit), bad: r => Boolean(r.last_exit), classes: 'number' },
  { name: 'beat', show: beatOf, bad: r => !r.asleep && r.heartbeat_age_ms > kSlowBeat, classes: 'number' },
  { name: 'cpuPercent', show: r => number(r.cpu_percent, 1), classes: 'number' },
  { name: 'MiB', show: r => mib(r.rss_bytes), classes: 'number' },
  { name: 'threads', show: r => number(r.threads), classes: 'number' },
  { name: 'fds', show: r => number(r.descriptors), classes: 'number' },
  { name: 'timers', show: r => number(r.timers), classes: 'number' },
  { name: 'queue', show: r => number(r.queue_depth), classes: 'number' },
  { name: 'pid', show: r => r.pid ? String(r.pid) : '–', classes: 'number soft' },
  { name: 'engine', show: r => r.engine || '–', classes: 'engine soft' },
  { name: 'action', draw: drawRestart, classes: 'action', hides: true },
], r => r.name);

// -- rings
function drawFill(cell, ring) {
  if (!cell.firstChild) {
    const bar = make('div', 'fill');
    bar.setAttribute('aria-hidden', 'true');
    bar.append(make('span', 'used'), make('span', 'high'));
    cell.append(bar, make('span', 'number'));
  }
  const part = bytes => Math.min(100, bytes / ring.capacity_bytes * 100) + '%';
  const [used, high] = cell.firstChild.children;
  used.style.width = part(ring.used_bytes);
  high.style.left = part(ring.high_water_bytes);
  cell.firstChild.classList.toggle('pressed', ring.pressure_bytes > 0 && ring.used_bytes >= ring.pressure_bytes);
  put(cell.lastChild, kib(ring.used_bytes) + ' / ' + kib(ring.capacity_bytes));
}
const showRings = table($('rings'), [
  { name: 'ring', show: r => r.name },
  { name: 'way', show: r => r.from + ' → ' + r.to, classes: 'soft' },
  { name: 'bytes', draw: drawFill, classes: 'filled' },
  { name: 'queue', show: r => number(r.used_frames), classes: 'number' },
  { name: 'frames', show: r => String(r.frames), classes: 'number' },
  { name: 'rate', show: r => number(r.frames_per_s, 1), classes: 'number' },
  { name: 'lag', show: r => number(r.lag_ms), classes: 'number' },
  { name: 'p99', show: r => number(r.p99_lag_ms), classes: 'number' },
  { name: 'drops', show: r => String(r.drops), bad: r => r.drops > 0, classes: 'number' },
  { name: 'setAside', show: r => String(r.poison_frames), bad: r => r.poison_frames > 0, classes: 'number' },
  { name: 'faults', show: r => String(r.faults), bad: r => r.faults > 0, classes: 'number' },
  { name: 'stale', show: r => String(r.stale), classes: 'number' },
  { name: 'late', show: r => String(r.late_wakes), bad: r => r.late_wakes > 0, classes: 'number' },
  { name: 'policy', draw: (cell, r) => { if (!cell.firstChild) cell.append(make('span')); tell(cell.firstChild, r.policy); }, classes: 'soft policy' },
], r => r.name);

// -- the rest
function read(name, value, key) {
  const id = 'read-' + name;
  let item = document.getElementById(id);
  if (!item) {
    item = make('div');
    item.id = id;
    item.append(make('dt'), make('dd'));
    tell(item.firstChild, name);
    $('readouts').append(item);
  }
  item.hidden = value === undefined;
  if (key) tell(item.lastChild, key, value);
  else put(item.lastChild, String(value));
}
function lookAtErrors(stages) {
  const all = stages.flatMap(stage => stage.last_errors.map(error => ({ ...error, stage: stage.name })));
  all.sort((a, b) => a.at < b.at ? 1 : -1);
  const shown = all.slice(0, kMostErrors), name = JSON.stringify(shown);
  if ($('errors').dataset.shown === name) return;
  $('errors').dataset.shown = name;
  $('errors').replaceChildren(...shown.map(error => {
    const item = make('li', error.level);
    const when = new Date(error.at);
    const level = make('span', 'tag strong'), words = make('span', 'what', error.message);
    tell(level, error.level);
    words.lang = 'en';
    item.append(make('time', '', isNaN(when) ? error.at : clock(when)), make('span', 'who', error.stage), level, words);
    return item;
  }));
  if (shown.length) return;
  const none = make('li', 'soft');
  tell(none, 'noTrouble');
  $('errors').append(none);
}
let stageRows = [], looking = false, lookTimer;
async function look() {
  clearTimeout(lookTimer);
  if (!looking) {
    looking = true;
    try {
      await lookOnce();
    } catch (error) {
      lose('looks', error);
    }
    looking = false;
  }
  clearTimeout(lookTimer);
  if (!document.hidden) lookTimer = setTimeout(look, 1000);
}
async function lookOnce() {
  const page = await ask('/diagnostics');
  if (!page.stages) {
    const { missing } = await ask('/ready');
    show('not_started');
    regain('looks');
    return missing.length ? link('starting', 'waitsFor', missing.join(', ')) : link('starting', 'begins');
  }
  regain('looks');
  if (broken.size === 0) link('live', 'live');
  stageRows = page.stages;
  if (performance.now() - stateAt > 1000) show(page.state);  // a page is older than the event behind it
  read('turn', page.turn);
  read('waiting', page.asyncio_tasks);
  read('jobs', page.background_tasks);
  read('connections', page.db_pool_size === undefined ? undefined : page.db_pool_free + ' / ' + page.db_pool_size, 'free');
  read('cpu', page.stages.reduce((sum, stage) => sum + (stage.cpu_percent || 0), 0).toFixed(0) + ' %');
  read('resident', (page.stages.reduce((sum, stage) => sum + (stage.rss_bytes || 0), 0) / 1048576).toFixed(0) + ' MiB');
  showStages(page.stages);
  showRings(page.rings);
  lookAtTurns(page.turns);
  lookAtErrors(page.stages);
}
