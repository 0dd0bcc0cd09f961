// The written conversation, over /chat. Few may have one at a time: a place is taken with the first message, and given back.
const kMostQuestions = 16;
let socket = null, answers = 0, answer = '', conversation, written = 0;
let openAgain, unused, quiet;
const questions = [];  // without a last word, oldest first: {content, id, row, late}
const isOpen = () => socket !== null && socket.readyState === WebSocket.OPEN;

function open() {
  clearTimeout(openAgain);
  if (socket) return;
  const mine = socket = new WebSocket(at((location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + '/chat'));
  // By its id it is the same question: what was answered meanwhile is not asked anew.
  mine.onopen = () => questions.forEach(send);
  mine.onmessage = message => { if (mine === socket) hear(JSON.parse(message.data)); };
  mine.onclose = () => { if (mine === socket) shut(); };
}
/// What was not answered is asked over another connection.
function shut() {
  const old = socket;
  socket = null;
  answer = '';
  for (const timer of [openAgain, unused, quiet]) clearTimeout(timer);
  if (old) old.close();
  questions.forEach(keep);
  if (questions.length) openAgain = setTimeout(open, waits.again);
}
function shutUnused() {
  clearTimeout(unused);
  if (socket && questions.length === 0) unused = setTimeout(shut, document.hidden ? waits.hidden : waits.idle);
}
document.addEventListener('visibilitychange', shutUnused);

function send(one) {
  clearTimeout(one.late);
  one.late = null;
  mark(one.row, 'unsent', false);
  socket.send(JSON.stringify({ type: 'message', content: one.content, id: one.id, conversation }));
  awaitWord();
}
/// A connection that lets nothing through any more looks like an open one.
function awaitWord() {
  clearTimeout(quiet);
  if (!questions.length) return;
  quiet = setTimeout(() => {
    giveUp(questions[0], 'unanswered');
    goOn();
    shut();
  }, waits.answer);
}
/// It waits for a connection, but not for ever.
function keep(one) {
  if (one.late) return;
  mark(one.row, 'unsent', true);
  // Where all the rest is there, it is the conversation that is refused.
  one.late = setTimeout(() => {
    if (one === questions[0]) goOn();
    giveUp(one, brokenAt ? 'unreachable' : 'full');
    if (questions.length === 0) shut();  // what is sent next need not wait for this connection
  }, waits.unsent);
}
function push(one) {
  clearTimeout(unused);
  if (questions.length >= kMostQuestions) return offer(one, 'tooMany');
  questions.push(one);
  if (isOpen()) return send(one);
  keep(one);
  open();
}
function giveUp(one, why) {
  questions.splice(questions.indexOf(one), 1);
  clearTimeout(one.late);
  one.late = null;
  mark(one.row, 'unsent', false);
  offer(one, why);
}
/// Nothing that was written is lost: it can be sent again.
function offer(one, why) {
  if (why) {
    mark(one.row, 'notSent', true, named(why));
    announce(word('notSent', named(why)));
  }
  const button = make('button', 'small');
  button.type = 'button';
  tell(button, 'again');
  button.addEventListener('click', () => {
    button.remove();
    mark(one.row, 'notSent', false);
    $('words').focus();
    push(one);
  });
  one.row.querySelector('.tags').append(button);
  follow();
}
/// The rest of an answer that has begun does not come.
function goOn() {
  if (document.getElementById('r' + answers)) answers++;
}

function hear(said) {
  if (said.type === 'restart') answer = '';
  conversation = said.conversation || conversation;
  if (!['chunk', 'done', 'error'].includes(said.type)) return;
  const row = line('r' + answers, 'prot', 'byText');
  if (said.type === 'chunk') write(row, answer += said.content);
  if (said.type === 'chunk') return awaitWord();
  write(row, said.type === 'done' ? said.content : said.message);
  mark(row, 'cut', said.type === 'done' && said.interrupted);
  mark(row, 'failed', said.type === 'error');
  announce(word('prot') + ': ', said.content || said.message);
  const one = questions.shift();
  if (one && said.type === 'error') offer({ ...one, id: newId() });  // under its own it was answered
  answers++;
  answer = '';
  awaitWord();
  shutUnused();
}

$('say').addEventListener('submit', event => {
  event.preventDefault();
  const text = $('words').value.trim();
  if (!text) return;
  follows = true;
  const row = line('w' + written++, 'you', 'byText');
  write(row, text);
  $('words').value = '';
  push({ content: text, id: newId(), row, late: null });
});
$('stop').addEventListener('click', () => {
  if (isOpen()) return socket.send('{"type":"stop"}');
  while (questions.length) giveUp(questions[0], 'withdrawn');
  goOn();
  shut();  // what is on its way to a place would keep it
});
