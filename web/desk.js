// What a person asks of prot: a search in memory, a restart of a program.
const kTroubles = {
  0: 'unreachable', 400: 'notUnderstood', 401: 'refusedToken', 403: 'forbidden', 404: 'notThere', 409: 'refusedNow', 429: 'tooFast',
  503: 'nobodyThere', 504: 'tooLate' };
/// What became of it, in the language of the page; `why`: what the server said of it, in English.
function report(id, name, value, why = '') {
  tell($(id), name, value);
  put($(id + '-why'), why && ' (' + why + ')');
}
function reportTrouble(id, error) {
  report(id, kTroubles[error.status] ?? 'serverFailed', undefined, error.status ? error.message : '');
}
function hit(words, text) {
  const what = inItsLanguage(make('span', 'what'), text);
  const wanted = words.map(one => one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).filter(Boolean);
  const parts = wanted.length ? text.split(new RegExp('(' + wanted.join('|') + ')', 'iu')) : [text];
  parts.forEach((part, index) => what.append(index % 2 ? make('mark', '', part) : part));
  return what;
}
function dated(text) {
  const when = new Date(text);
  return isNaN(when) ? String(text || '') : when.toLocaleDateString('sv') + ' ' + clock(when).slice(0, 5);
}
function found(kind, words, text, when, tags) {
  const item = make('li');
  const who = make('span', 'who');
  tell(who, kind);
  item.append(make('time', '', when), who, hit(words, text));
  for (const name of tags) {
    const tag = make('span', 'tag');
    tell(tag, name);
    item.append(tag);
  }
  return item;
}
let searches = 0;
$('search').addEventListener('submit', async event => {
  event.preventDefault();
  const query = $('query').value.trim(), mine = ++searches;
  if (!query) return;
  report('hits', 'looking');
  let page;
  try {
    page = await ask('/search?q=' + encodeURIComponent(query));
  } catch (error) {
    if (mine !== searches) return;
    $('found').replaceChildren();
    return reportTrouble('hits', error);
  }
  if (mine !== searches) return;  // another one was asked for meanwhile
  const words = query.split(/\s+/);
  if (page.database === 'away') {
    $('found').replaceChildren(inItsLanguage(make('li', 'block', page.block), page.block));
    return report('hits', 'databaseAway');
  }
  const rows = [
    ...page.facts.map(fact => found('fact', words, fact.statement, dated(fact.valid_from), [])),
    ...page.messages.map(message => found(message.role === 'user' ? 'you' : 'prot', words, message.text, dated(message.at),
      message.interrupted ? ['cut'] : []))];
  $('found').replaceChildren(...rows);
  rows.length ? report('hits', 'found', rows.length) : report('hits', 'foundNone');
});

function restart(name, button) {
  tell($('sure-title'), 'sure', name);
  $('sure').returnValue = 'no';
  $('sure').showModal();
  $('sure').addEventListener('close', () => {
    button.focus();
    if ($('sure').returnValue === 'yes') restartNow(name);
  }, { once: true });
}
async function restartNow(name) {
  const before = stageRows.find(stage => stage.name === name);
  report('told', 'restarting', name);
  try {
    await ask('/restart', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ stage: name }) });
  } catch (error) {
    // Who restarts itself cannot answer.
    if (name !== 'web' || error.status !== 0) return reportTrouble('told', error);
  }
  for (const end = performance.now() + waits.restart; performance.now() < end;) {
    await new Promise(later => setTimeout(later, 500));
    if (document.hidden) await look();  // it does not look by itself then
    const after = stageRows.find(stage => stage.name === name);
    if (!after || !before || after.generation <= before.generation) continue;
    if (after.state === 'ready') return report('told', 'restarted', name);
    if (['failed', 'backoff'].includes(after.state)) return report('told', 'endedAgain', name);
  }
  report('told', 'notReadyYet', name);
}

lookAtTurns([]);
hearOfConversation();
if (!document.hidden) listen();
look();
