// The event stream. A browser opens six connections to one host, for all of its tabs: one of them holds the stream and passes on
// what it tells; a tab that is hidden does without it, and catches up when it is seen again.
const kTypes = ['snapshot', 'connected', 'record', 'state', 'heard', 'ignored', 'segment', 'spoken', 'hold', 'release', 'turn', 'alive'];
const events = new EventTarget();  // what the stream tells, whoever holds it
const ownId = newId();
const kShared = 'prot.events ' + (token ?? '');  // one that shows another token may be refused
// A page that came without encryption from another machine has no locks: it holds a stream of its own.
const others = navigator.locks && window.BroadcastChannel ? new BroadcastChannel(kShared) : null;
let stream = null, reopen, watchdog;
let leave = null;        // ends this tab's part in it; null: it has none
const kept = new Map();  // what a tab that comes later has to know

/// prot says every 15 s that it is alive. A stream that is silent for longer looks like one that has nothing to tell.
function guard() {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => {
    if (!stream) lose('events');
    else pass('lost');
    if (stream) return hold();
    leave();  // who held it for this tab does not even say that it was lost
    listen(true);
  }, stream ? waits.silence : waits.silence * 1.5);
}
function take(type, data) {
  guard();
  if (type === 'lost') lose('events');
  else events.dispatchEvent(new MessageEvent(type, { data }));
}
function pass(type, data) {
  if (type === 'snapshot' || type === 'lost') kept.clear();
  if (['snapshot', 'connected', 'record'].includes(type)) kept.set(type, type === 'snapshot' ? '{}' : data);  // its state gets old
  if (others) others.postMessage({ type, data });
  take(type, data);
}
function hold() {
  drop();
  const mine = stream = new EventSource(at('/events'));
  guard();
  for (const type of kTypes) mine.addEventListener(type, message => pass(type, message.data));
  mine.onerror = () => {
    pass('lost');
    // An answer that is no stream is not asked for again by itself.
    if (mine === stream && mine.readyState === EventSource.CLOSED) reopen = setTimeout(hold, waits.again);
  };
}
function drop() {
  clearTimeout(reopen);
  clearTimeout(watchdog);
  if (stream) stream.close();
  stream = null;
  kept.clear();
}
async function listen(takesOver = false) {
  if (leave) return;
  const over = new AbortController();
  leave = () => { leave = null; over.abort(); drop(); };
  if (!others) return hold();
  others.postMessage({ type: 'who', from: ownId });
  guard();
  const left = new Promise(resolve => over.signal.addEventListener('abort', resolve));
  const part = () => {
    if (!over.signal.aborted) hold();
    return left;
  };
  try {
    await navigator.locks.request(kShared, takesOver ? { steal: true } : { signal: over.signal }, part);
  } catch (error) {
    if (over.signal.aborted) return;  // it left while another one held the stream
    if (error.name !== 'AbortError') return hold();  // a browser may lend no locks
    leave();  // another one took over
    listen();
  }
}
if (others) others.onmessage = ({ data: { type, data, from, to } }) => {
  if (!leave) return;
  if (type !== 'who') return !stream && (!to || to === ownId) && take(type, data);
  if (!stream) return;
  if (brokenAt) others.postMessage({ type: 'lost', to: from });
  for (const [name, last] of kept) others.postMessage({ type: name, data: last, to: from });
};

function rest() {
  if (leave) leave();
  clearTimeout(lookTimer);
  broken.add('events');  // what is shown gets old from now on, which is no failure
  if ($('link').dataset.is === 'live') link('opening', 'opening');
  document.title = 'prot';
}
let unseen;
document.addEventListener('visibilitychange', () => {
  clearTimeout(unseen);
  if (document.hidden) { unseen = setTimeout(rest, waits.hidden); return; }
  listen();
  look();
});
