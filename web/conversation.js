// The conversation: its lines, and what /events tells of the spoken one.
const kMostLines = 400;
const kMostKnown = 200;  // turns; /turns tells the newest 16
const kStates = ['idle', 'listening', 'processing', 'speaking', 'active', 'interrupted'];
for (const state of kStates) {
  const lamp = make('li');
  lamp.dataset.state = state;
  lamp.append(make('span', 'mark'), make('span'));
  tell(lamp.lastElementChild, state);
  $('lamps').append(lamp);
}
function show(state) {
  if (!state) return;
  for (const lamp of $('lamps').children) lamp.classList.toggle('on', lamp.dataset.state === state);
  $('lamps').dataset.state = state;
  tell($('state'), state);
  document.title = leave ? word(state) + ' · prot' : 'prot';  // a hidden tab does not know what is now
}

// -- lines
const log = $('log');
let follows = true;  // the newest line is in view
log.addEventListener('scroll', () => {
  follows = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  $('newest').hidden = follows;
});
$('newest').addEventListener('click', () => { log.scrollTop = log.scrollHeight; $('words').focus(); });
function follow() {
  if (follows) log.scrollTop = log.scrollHeight;
}
let since = null;  // the first line since the connection was made: what is caught up with goes before it
function append(row, isOld) {
  if (isOld) log.insertBefore(row, log.contains(since) ? since : null);
  else log.append(row);
  if (!isOld) since = since || row;
  while (log.childElementCount > kMostLines) log.firstElementChild.remove();
  $('empty').hidden = true;
}
/// A line of who says what how; made when `id` is new.
function line(id, who, how, when) {
  let row = document.getElementById(id);
  if (row) return row;
  row = make('div', 'line ' + who + ' ' + how);
  row.id = id;
  const name = make('span', 'who');
  tell(name, who);
  const tags = make('span', 'tags');
  row.append(make('time', '', when ?? clock()), name, make('span', 'what'), tags);
  if (how === 'byText') mark(row, how, true);
  append(row, when !== undefined);
  return row;
}
/// A mark beside a line: 'cut', 'held', 'partial' ...
function mark(row, name, on, value) {
  const tags = row.querySelector('.tags');
  let tag = tags.querySelector('[data-mark="' + name + '"]');
  if (!on) return tag && tag.remove();
  if (!tag) {
    tag = make('span', name === 'byText' || name === 'partial' ? 'tag' : 'tag strong');
    tag.dataset.mark = name;
    tags.append(tag);
  }
  tell(tag, name, value);
}
function write(row, text) {
  inItsLanguage(row.querySelector('.what'), text).replaceChildren(text);
  follow();
}
/// Something that happened to the conversation.
function note(name) {
  const row = make('p', 'line event');
  const what = make('span', 'what');
  tell(what, name);
  row.append(make('time', '', clock()), make('span'), what, make('span'));
  append(row);
  follow();
}

// -- the spoken conversation
const replies = new Map();  // turn -> its segments
const known = new Set();    // turns that are shown whole
const asked = new Map();    // what was heard of each of them
let run = null, runs = 0, nowNs = null;
const youId = number => 'u' + runs + '-' + number, protId = number => 't' + runs + '-' + number;
const kBytes = new TextEncoder(), kText = new TextDecoder();
function key(turn) { return turn.turn + ':' + (turn.speech_end_ns || turn.request_ns); }

/// A reply so far: what was heard, what is to come.
function writeReply(turn) {
  const said = replies.get(turn), row = line(protId(turn), 'prot', 'byVoice');
  inItsLanguage(row.querySelector('.what'), said.segments.join(' ')).replaceChildren(...said.segments.flatMap((segment, index) => {
    const bytes = kBytes.encode(segment);
    let heard = index < said.segment ? bytes.length : index === said.segment ? said.bytes : 0;
    while (heard > 0 && (bytes[heard] & 0xc0) === 0x80) --heard;  // no half of a character
    const parts = [make('span', 'heard', kText.decode(bytes.subarray(0, heard)))];
    if (heard < bytes.length) parts.push(make('span', 'ahead', kText.decode(bytes.subarray(heard))));
    parts.push(' ');
    return parts;
  }));
  follow();
}
/// What of the segments is behind the text that was heard, white space aside; '' where that is not in them.
function unheard(segments, heard) {
  const all = segments.join(' '), words = heard.replace(/\s/g, '');
  const places = [...all.matchAll(/\S/g)].map(one => one.index);  // one for each unit of what is no white space
  const begin = all.replace(/\s/g, '').indexOf(words);
  return begin < 0 ? '' : all.slice(places[begin + words.length] ?? all.length);
}
function writeTurn(turn, when) {  // `when`: it is over for long
  if (known.has(key(turn))) return;
  known.add(key(turn));
  asked.set(key(turn), turn.heard);
  for (const oldest of known) {
    if (known.size <= kMostKnown) break;
    known.delete(oldest);
    asked.delete(oldest);
  }
  const said = replies.get(turn.turn), old = !said && when !== undefined;
  // Its question may be here already: the connection broke behind it.
  const here = document.getElementById(youId(turn.utterance))?.querySelector('.what').textContent === turn.heard;
  const own = old && !here ? 'h' + key(turn) : '';
  if (turn.heard) {
    const row = line(own ? 'u' + own : youId(turn.utterance), 'you', 'byVoice', when);
    mark(row, 'partial', false);
    row.classList.remove('partial');
    write(row, turn.heard);
  }
  if (!turn.reply && !said) return;
  const row = line(own ? 't' + own : protId(turn.turn), 'prot', 'byVoice', when);
  write(row, turn.reply || '');
  row.classList.add('whole');
  mark(row, 'held', false);
  mark(row, 'failed', turn.failed);
  mark(row, 'cut', turn.interrupted);
  const rest = said && turn.interrupted ? unheard(said.segments, turn.reply || '') : '';
  if (rest) {
    const label = make('span', 'hidden');
    tell(label, 'unheard');
    label.lang = language;
    label.dataset.own = '';
    const gone = make('s', '', rest);
    row.querySelector('.what').append(' ', label, gone);
  }
  replies.delete(turn.turn);
  follow();
  if (!old) announce(word('prot') + ': ', turn.reply || '', turn.interrupted ? ' (' + word('cut') + ')' : '');
}
/// When something was by the clock of prot's machine, as this browser's time.
function wall(ns) {
  const ago = nowNs === null || !ns ? NaN : (nowNs - ns) / 1e6;
  return ago >= 0 && ago < 14 * 86400e3 ? clock(new Date(Date.now() - ago)) : '';
}
/// `state`: of /state. Numbers of turns and utterances begin anew in another run.
function begin(state) {
  nowNs = state.at_ns ?? nowNs;
  if (!state.run || state.run === run) return;
  if (run) note('runBack');
  run = state.run;
  ++runs;
  replies.clear();
  put($('instance'), state.instance === 'default' ? '' : state.instance);
}
async function catchUp() {
  try {
    begin(await ask('/state'));
    for (const turn of await ask('/turns')) writeTurn(turn, wall(turn.speech_end_ns || turn.request_ns));
    look();  // what was asked stands beside its times
  } catch { /* the next connection tries again */ }
}

let brainSeen = false;
let stateAt = -Infinity;  // when an event told the state
function hearOfConversation() {
  const on = (type, act) => events.addEventListener(type, message => act(JSON.parse(message.data)));
  on('snapshot', e => {
    show(e.state || e.status);
    since = null;
    brainSeen = false;
    regain('events');
    begin(e);
    look();
  });
  on('connected', () => {
    since = null;
    for (const row of log.querySelectorAll('.partial')) row.remove();  // it comes again, or never
    if (brainSeen) note('brainBack');
    brainSeen = true;
    catchUp();
  });
  on('state', e => { stateAt = performance.now(); show(e.state); });
  on('record', e => { $('off').hidden = e.on; });
  on('heard', e => {
    const row = line(youId(e.utterance), 'you', 'byVoice');
    row.classList.toggle('partial', !e.final);
    mark(row, 'partial', !e.final);
    write(row, e.text);
    if (e.final) announce(word('you') + ': ', e.text);
  });
  on('ignored', e => {
    const row = line(youId(e.utterance), 'you', 'byVoice');
    row.classList.remove('partial');
    mark(row, 'partial', false);
    mark(row, 'ignored', true, named({ stop: 'stopWord', 'nothing understood': 'nothing' }[e.why] || e.why));
    if (e.text) write(row, e.text);
  });
  on('segment', e => {
    if (!replies.has(e.turn)) replies.set(e.turn, { segments: [], segment: 0, bytes: 0 });
    for (const old of replies.keys()) if (old + 10 < e.turn) replies.delete(old);
    replies.get(e.turn).segments[e.segment] = e.text;
    writeReply(e.turn);
  });
  on('spoken', e => {
    const said = replies.get(e.turn);
    if (!said) return;
    said.segment = e.segment;
    said.bytes = e.bytes;
    writeReply(e.turn);
  });
  for (const type of ['hold', 'release'])
    on(type, e => { const row = document.getElementById(protId(e.turn)); if (row) mark(row, 'held', type === 'hold'); });
  on('turn', e => { writeTurn(e); look(); });
}
