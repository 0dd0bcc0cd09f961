'use strict';
// What the page says, in both languages. {} is the place of a value.
const kWords = {
  en: {
    skip: 'To the message box', state: 'State', language: 'Language', colours: 'Colours', themeSystem: 'auto', themeLight: 'light',
    themeDark: 'dark', conversation: 'Conversation', empty: 'Nothing was said yet.', newest: 'To the newest line',
    write: 'Write to prot', hint: 'Write to prot', send: 'Send', stop: 'Stop',
    sayNote: 'Text has a conversation of its own, beside the spoken one.', off: 'off the record',
    memory: 'Memory', searchFor: 'Search in memory', searchHint: 'Words that were said, or facts', search: 'Search',
    found: '{} found', foundNone: 'nothing found', looking: 'looking …', databaseAway: 'the database is away; what prot would be told:',
    fact: 'fact', latency: 'Latency', median: 'median {} ms, from the end of speech to the first sound',
    noTurns: 'No spoken turn yet.', programs: 'Programs', rings: 'Rings', ringsNote: 'bar: used · line: the most ever used', trouble: 'Warnings and errors',
    noTrouble: 'None in the logs.', warn: 'warning', error: 'error', restart: 'Restart', restartOf: 'Restart {}', cancel: 'Cancel', sure: 'Restart {}?',
    restartNote: 'What waits for it stays in its rings, and it goes on with the next frame. A reply that is being spoken may pause.',
    restarting: '{} is being restarted …', restarted: '{} was restarted', endedAgain: '{} ended again while it started',
    notReadyYet: '{} is not ready after 30 s; prot logs tells why', unreachable: 'prot gives no answer', notUnderstood: 'prot did not understand it',
    forbidden: 'not allowed from here', notThere: 'prot does not know that', refusedNow: 'prot refuses it now',
    tooFast: 'too many requests; try again in a moment', nobodyThere: 'the program for it is not there', tooLate: 'no answer in time',
    serverFailed: 'prot could not do it',
    opening: 'connecting', live: 'live', lost: 'No connection to prot since {}. It is tried again; what you see is from then.',
    refusedToken: 'prot asks for a token: open this page as /?token=TOKEN', waitsFor: 'prot is starting: {} is not ready yet', begins: 'prot is starting',
    back: 'connected again', brainBack: 'the conversation’s program was restarted', runBack: 'prot was restarted',
    you: 'you', prot: 'prot', byVoice: 'spoken', byText: 'written', partial: 'not final', cut: 'interrupted', unheard: 'not heard:', failed: 'failed',
    held: 'held', unsent: 'not sent yet', notSent: 'not sent: {}', again: 'Send again', full: 'prot takes no more writers now',
    tooMany: '16 others wait', unanswered: 'there was no answer', withdrawn: 'withdrawn', ignored: 'not answered: {}', backchannel: 'a sign of listening', stopWord: 'a stop word', nothing: 'nothing understood',
    seconds: '{} s', minutes: '{} min', hours: '{} h', days: '{} d', is: 'state', cpuPercent: 'CPU %', MiB: 'MiB', idle: 'idle', listening: 'listening', processing: 'thinking', speaking: 'speaking', active: 'attentive', interrupted: 'interrupted',
    not_started: 'not started', turn: 'turn', waiting: 'waiting', jobs: 'jobs', connections: 'database', cpu: 'CPU', resident: 'memory',
    free: '{} free', heard: 'heard', total: 'total', detected: 'end of turn', transcript: 'recognised', request: 'request', 'first token': 'first token',
    'first segment': 'sentence', 'first audio': 'first audio', audible: 'playback', program: 'program', pid: 'pid', up: 'up', restarts: 'restarts',
    threads: 'threads', fds: 'fds', timers: 'timers', queue: 'queue', beat: 'heartbeat', lastExit: 'last exit', signal: 'signal {}', engine: 'engine', ring: 'ring', way: 'from → to',
    bytes: 'used / size KiB', frames: 'frames', rate: '/s', lag: 'lag ms', p99: 'p99 ms', drops: 'drops', setAside: 'set aside', faults: 'damage', stale: 'stale', late: 'late', policy: 'when full',
    action: 'action', ready: 'ready', down: 'down', starting: 'starting', stopping: 'stopping', ending: 'ending', backoff: 'waits', done: 'done',
    unknown: 'unknown', 'drop-newest': 'drop newest',
    'keep-latest': 'keep latest', block: 'block', asleep: 'asleep' },
  ko: {
    skip: '메시지 입력란으로', state: '상태', language: '언어', colours: '색', themeSystem: '자동', themeLight: '밝게', themeDark: '어둡게',
    conversation: '대화', empty: '아직 나눈 말이 없습니다.', newest: '맨 아래로', write: 'prot에게 쓰기', hint: 'prot에게 쓰기', send: '보내기',
    stop: '멈춤', sayNote: '글로 나누는 대화는 말로 하는 대화와 따로입니다.', off: '기록 안 함', memory: '기억', searchFor: '기억에서 찾기',
    searchHint: '나눈 말이나 사실', search: '찾기', found: '{}건', foundNone: '찾은 것이 없습니다', looking: '찾는 중 …',
    databaseAway: '데이터베이스에 연결할 수 없습니다. prot이 참고할 내용:', fact: '사실', latency: '지연 시간',
    median: '말이 끝나고 첫 소리까지 중앙값 {}ms', noTurns: '아직 음성 대화가 없습니다.', programs: '프로그램', rings: '링',
    ringsNote: '막대: 사용 중 · 선: 최고치', trouble: '경고와 오류', noTrouble: '로그에 없습니다.', warn: '경고', error: '오류', restart: '재시작', restartOf: '{} 재시작',
    cancel: '취소', sure: '{} 프로그램을 재시작할까요?',
    restartNote: '기다리는 프레임은 링에 남고, 다음 프레임부터 이어집니다. 말하던 대답이 잠시 멈출 수 있습니다.',
    restarting: '{} 재시작 중 …', restarted: '{} 재시작됨', endedAgain: '{} 프로그램이 시작하다가 다시 끝났습니다',
    notReadyYet: '{} 프로그램이 30초 안에 준비되지 않았습니다. 까닭은 prot logs에 있습니다', unreachable: 'prot이 대답하지 않습니다',
    notUnderstood: 'prot이 이해하지 못한 요청입니다', forbidden: '여기서는 할 수 없는 일입니다', notThere: 'prot이 모르는 이름입니다',
    refusedNow: '지금은 할 수 없습니다', tooFast: '요청이 너무 많습니다. 잠시 뒤에 다시 해 주십시오', nobodyThere: '이 일을 맡은 프로그램이 없습니다',
    tooLate: '제때 대답이 없었습니다', serverFailed: 'prot이 해내지 못했습니다', opening: '연결 중', live: '연결됨',
    lost: '{}부터 prot과 연결이 끊겼습니다. 다시 연결하는 중이며, 보이는 것은 그때의 값입니다.',
    refusedToken: 'prot이 토큰을 요구합니다: /?token=토큰 으로 여십시오', waitsFor: 'prot 시작 중: {} 준비 안 됨', begins: 'prot 시작 중',
    back: '다시 연결됨', brainBack: '대화 프로그램이 재시작됨', runBack: 'prot이 재시작됨',
    you: '나', prot: 'prot', byVoice: '음성', byText: '글', partial: '인식 중', cut: '끊김', unheard: '듣지 못한 말:', failed: '실패', held: '잠시 멈춤', unsent: '아직 보내지 못함',
    notSent: '보내지 못함: {}', again: '다시 보내기', full: '지금은 글 대화를 더 받지 않습니다', tooMany: '이미 16개가 대기 중입니다',
    unanswered: '대답이 없었습니다', withdrawn: '취소했습니다',
    ignored: '대답 안 함: {}', backchannel: '맞장구', stopWord: '멈춤 말', nothing: '알아듣지 못함', seconds: '{}초', minutes: '{}분', hours: '{}시간', days: '{}일', is: '상태', cpuPercent: 'CPU %', MiB: 'MiB', idle: '대기', listening: '듣는 중',
    processing: '생각 중', speaking: '말하는 중', active: '이어 듣기', interrupted: '끊김', not_started: '시작 전', turn: '차례', waiting: '대기 중',
    jobs: '작업', connections: '데이터베이스', cpu: 'CPU', resident: '메모리', free: '{} 여유', heard: '들은 말', total: '합계', detected: '말 끝',
    transcript: '인식', request: '요청', 'first token': '첫 토큰', 'first segment': '첫 문장', 'first audio': '첫 음성', audible: '재생',
    program: '프로그램', pid: 'pid', up: '가동', restarts: '재시작', threads: '스레드', fds: 'fd', timers: '타이머', queue: '큐', beat: '최근 동작', lastExit: '종료 코드', signal: '시그널 {}',
    engine: '엔진', ring: '링', way: '흐름', bytes: '사용 / 크기 KiB', frames: '프레임', rate: '/초', lag: '지연 ms', p99: 'p99 ms',
    drops: '버림', setAside: '격리', faults: '손상', stale: '무효', late: '늦음', policy: '가득 차면', action: '동작', ready: '준비됨', down: '꺼짐', starting: '시작 중',
    stopping: '멈추는 중', ending: '끝나는 중', backoff: '기다림', done: '끝남', unknown: '알 수 없음', 'drop-newest': '새 것 버림', 'keep-latest': '최신만', block: '기다림', asleep: '쉼' },
};

/// The text of a name; a name without a text stands for itself.
let language = 'en';
function word(name, value) {
  const text = kWords[language][name] ?? name;
  return value === undefined ? text : text.replace('{}', () => value.named ? word(value.named) : value);
}
/// A value that is a name itself, and changes its language with the rest.
const named = name => ({ named: name });
const valueOf = element => element.dataset.vName === undefined ? element.dataset.v : named(element.dataset.vName);
/// Writes it into an element, and again whenever the language changes.
function tell(element, name, value) {
  element.dataset.t = name;
  delete element.dataset.v;
  delete element.dataset.vName;
  if (value !== undefined) element.dataset[value.named ? 'vName' : 'v'] = value.named ?? value;
  const text = word(name, value);
  if (element.textContent !== text) element.textContent = text;
}
/// Its name for those who do not see it.
function label(element, name, value) {
  element.dataset.tLabel = name;
  if (value !== undefined) element.dataset.v = value;
  element.setAttribute('aria-label', word(name, value));
}
function speak(chosen) {
  language = kWords[chosen] ? chosen : 'en';
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-own]')) element.lang = language;  // of the page, within somebody's words
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = word(element.dataset.t, valueOf(element));
  for (const element of document.querySelectorAll('[data-t-hint]')) element.placeholder = word(element.dataset.tHint);
  for (const element of document.querySelectorAll('[data-t-label]'))
    element.setAttribute('aria-label', word(element.dataset.tLabel, element.dataset.v));
}
