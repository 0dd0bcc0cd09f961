"""The dashboard in a headless Chromium, with a model that answers when the test wants it: written questions over a death of
prot-web, who comes later, a page that is open for long, and words that no language has."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import sys
import unittest

from browser import Browser, chromium
from web_instance import LIMIT, WebInstance, WebSocket, wait_for_web

from chat_test import Model  # of tests/supervisor

SOURCE = pathlib.Path(os.environ["SOURCE"])
AUDIT = (SOURCE / "tests/web/audit.js").read_text(encoding="utf-8")
LIVE = "document.getElementById('link').dataset.is === 'live' && document.querySelectorAll('#stages tbody tr').length > 6"
LOST = "document.getElementById('link').dataset.is === 'lost'"
OFF = "!document.getElementById('off').hidden"
# As an event of the stream would be.
TELL = "const happen = (type, data) => events.dispatchEvent(new MessageEvent(type, {data: JSON.stringify(data)}));"


def rows(page):
    """The conversation: [(who, what)]."""
    return page.see("""[...document.querySelectorAll('.line:not(.event)')].map(row => [
        row.classList.contains('you') ? 'you' : 'prot', row.querySelector('.what').textContent.trim()])""")


class Written(unittest.TestCase):
    """The real brain and memory."""

    @classmethod
    def setUpClass(cls):
        cls.model = Model()
        cls.addClassCleanup(cls.model.close)
        settings = []
        for setting in (f"brain.url=http://127.0.0.1:{cls.model.server_port}/v1", "llm.enabled=false", "memory.store=ram",
                        "memory.extraction=false", "general.language=en"):
            settings += ["--set", setting]
        cls.prot = cls.enterClassContext(WebInstance(real=["brain", "memory"], settings=settings))
        cls.prot.up_and_ready()
        cls.browser = cls.enterClassContext(Browser())

    def setUp(self):
        self.model.hold.clear()
        self.model.go.clear()
        self.model.hung_up.clear()

    def open(self, languages="en-US", beside=None):
        page = self.browser.page(languages, beside)
        self.addCleanup(page.close)
        page.open(f"http://127.0.0.1:{self.prot.port}/")
        page.wait(LIVE)
        return page

    def teller(self):
        """record(on): says to brain whether what is said is kept."""
        chat = self.enterContext(socket.socket(socket.AF_UNIX))
        chat.settimeout(LIMIT)
        chat.connect(str(self.prot.runtime / "chat.sock"))
        answers = self.enterContext(chat.makefile())

        def record(on):
            chat.sendall(json.dumps({"type": "record", "on": on}).encode() + b"\n")
            self.assertEqual(json.loads(answers.readline()), {"type": "record", "on": on})
        self.addCleanup(record, True)
        return record

    def write(self, page, text):
        page.see("document.getElementById('words').focus()")
        page.type(text)
        page.press("Enter")

    def kill_web(self, page):
        os.kill(self.prot.pids()["web"], signal.SIGKILL)
        page.wait(LOST)

    def test_a_question_is_answered_over_a_death_of_prot_web_in_the_same_conversation(self):
        page = self.open()
        self.write(page, "first")
        page.wait("document.getElementById('r0')?.textContent.includes('You said: first.')")
        self.model.hold.set()
        self.write(page, "second")
        page.wait("document.getElementById('r1')?.textContent.includes('You said:')")
        self.kill_web(page)
        self.assertTrue(self.model.hung_up.wait(LIMIT))  # in the middle of it
        self.write(page, "third")  # nobody is there to take it
        self.model.go.set()
        page.wait("document.getElementById('r2')?.textContent.includes('You said: third.')", 40)
        self.assertEqual(rows(page), [["you", "first"], ["prot", "You said: first."], ["you", "second"],
                                      ["prot", "You said: second."], ["you", "third"], ["prot", "You said: third."]])
        said = [message["content"].rsplit("\n\n", 1)[-1] for message in self.model.asked[-1] if message["role"] == "user"]
        self.assertEqual(list(dict.fromkeys(said)), ["first", "second", "third"])

    def test_only_who_writes_takes_a_place_and_what_finds_none_is_not_lost(self):
        page = self.open()
        with contextlib.ExitStack() as held:
            # The page has none of them yet: nobody wrote.
            places = [held.enter_context(WebSocket(self.prot.port, "/chat")) for _ in range(16)]
            self.assertEqual({place.status for place in places}, {101})
            page.see("waits.unsent = 1000; waits.again = 100")
            self.write(page, "is there a place?")
            page.wait("document.querySelector('#w0 .tag[data-mark=unsent]')?.textContent === 'not sent yet'")
            page.wait("document.querySelector('#w0 .tag[data-mark=notSent]') !== null")
            self.assertEqual(page.text("#w0 .tags"), "writtennot sent: prot takes no more writers nowSend again")
            self.assertEqual(page.see("[questions.length, document.querySelectorAll('#w0 [data-mark=unsent]').length]"), [0, 0])
            self.assertIn("not sent: prot takes no more writers now", page.text("#said"))
            for width in (390, 1440):
                page.size(width, 844)
                words, row = page.see("['#w0 .what', '#w0'].map(one => document.querySelector(one).getBoundingClientRect().width)")
                self.assertGreater(words / row, 0.5)  # the reason does not take their place
            self.assertEqual(page.see(AUDIT), [])
            page.see("document.getElementById('language').value = 'ko'; document.getElementById('language').dispatchEvent(new Event('change'))")
            self.assertEqual(page.text("#w0 .tags"), "글보내지 못함: 지금은 글 대화를 더 받지 않습니다다시 보내기")
        page.see("document.querySelector('#w0 button').focus()")
        page.press("Enter")
        page.wait("document.getElementById('r0')?.textContent.includes('You said: is there a place?.')")
        self.assertEqual(page.see("[document.activeElement.id, document.querySelector('#w0 .tags').textContent]"), ["words", "글"])
        page.see("waits.idle = 0; shutUnused()")  # it is written no more
        page.wait("socket === null")
        first = page.see("conversation")
        self.write(page, "and now?")
        page.wait("document.getElementById('r1')?.textContent.includes('You said: and now?.')")
        self.assertEqual((page.see("conversation"), len(self.model.asked[-1])), (first, 4))  # persona, the first turn, the question
        page.see("waits.idle = 1e6; waits.hidden = 0")
        self.model.hold.set()
        self.write(page, "a third")
        page.wait("document.getElementById('r2')?.textContent.includes('You said:')")
        page.hide(True)
        page.wait("!leave")
        self.assertTrue(page.see("isOpen()"))  # the answer is awaited
        self.model.go.set()
        page.wait("document.getElementById('r2').textContent.includes('You said: a third.') && socket === null")

    def test_a_question_that_nothing_comes_to_is_given_up_and_asked_again(self):
        page = self.open()
        self.model.hold.set()
        page.see("waits.answer = 500; waits.again = 50")
        self.write(page, "are you there?")
        page.wait("document.querySelector('#w0 .tag[data-mark=notSent]')?.textContent === 'not sent: there was no answer'")
        page.see("waits.answer = 1e6")
        self.model.go.set()
        page.see("document.querySelector('#w0 button').click()")
        page.wait("[...document.querySelectorAll('.line.prot .what')].at(-1)?.textContent === 'You said: are you there?.'")

    def breaks_off(self, how, why):
        page = self.open()
        self.model.hold.set()
        self.write(page, "first")
        page.wait("document.getElementById('r0')?.textContent.includes('You said:')")
        page.see(how)
        page.wait(f"document.querySelector('#w0 .tag[data-mark=notSent]')?.textContent.includes('{why}')")
        self.assertTrue(self.model.hung_up.wait(LIMIT))
        page.see("waits.answer = waits.unsent = 1e6")
        self.model.go.set()
        self.write(page, "second")
        page.wait("document.getElementById('r1')?.textContent.includes('You said: second.')")
        self.assertEqual(rows(page), [["you", "first"], ["prot", "You said:"], ["you", "second"], ["prot", "You said: second."]])

    def test_an_answer_that_falls_silent_keeps_its_words_and_the_next_stands_below_its_own_question(self):
        self.breaks_off("waits.answer = 300; waits.again = 50; awaitWord()", "there was no answer")

    def test_so_does_one_whose_connection_does_not_come_back(self):
        self.breaks_off("waits.unsent = 300; waits.again = 1e6; shut()", "not sent")

    def test_what_is_sent_again_goes_over_another_connection(self):
        page = self.open()
        page.see("waits.unsent = 300; window.Real = WebSocket; WebSocket = class { readyState = 0; close() {} }")  # it never opens
        self.write(page, "hello?")
        page.wait("document.querySelector('#w0 [data-mark=notSent]') !== null")
        page.see("waits.unsent = 20000; WebSocket = Real; document.querySelector('#w0 button').click()")
        page.wait("document.getElementById('r0')?.textContent.includes('You said: hello?.')")

    def test_whoever_comes_later_is_told_that_nothing_is_kept(self):
        record = self.teller()
        record(False)
        pages = [self.open(), self.open("ko-KR")]  # the second over a connection that is there already
        for page, told in zip(pages, ("off the record", "기록 안 함")):
            page.wait(OFF)
            self.assertEqual(page.text("#off"), told)
        record(True)
        for page in pages:
            page.wait(f"!({OFF})")

    def test_seven_tabs_of_a_browser_share_one_stream_which_goes_on_with_the_next(self):
        record = self.teller()
        first = self.open()
        tabs = [first] + [self.open(beside=first) for _ in range(6)]  # a browser opens six connections to one host
        self.assertEqual([sum("/events" in one for one in tab.requests) for tab in tabs], [1, 0, 0, 0, 0, 0, 0])
        record(False)
        for tab in tabs:
            tab.wait(OFF)
        tabs.append(self.open(beside=first))  # it was told before it came
        tabs[-1].wait(OFF)
        first.see("waits.hidden = 0")
        first.hide(True)  # it held the stream
        first.wait("!stream && !leave")
        tabs[1].wait("stream !== null")
        record(True)
        for tab in tabs[1:]:
            tab.wait(f"{LIVE} && !({OFF})")
        self.assertTrue(first.see(OFF))
        first.hide(False)
        first.wait(f"{LIVE} && !({OFF})")
        self.assertEqual(first.see("document.getElementById('log').textContent"), "")  # nothing broke
        tabs[1].close()
        tabs[2].wait("stream !== null")

    def test_where_a_browser_lends_no_lock_each_tab_has_its_own_stream(self):
        page = self.browser.page()
        self.addCleanup(page.close)
        page.call("Page.addScriptToEvaluateOnNewDocument", source="Object.defineProperty(Navigator.prototype, 'locks', {value: undefined})")
        page.open(f"http://127.0.0.1:{self.prot.port}/")
        page.wait(LIVE)
        page.see("waits.hidden = 0")
        page.hide(True)
        page.wait("!leave && !stream")
        page.hide(False)
        page.wait(f"stream !== null && {LIVE}")

    def test_a_stream_that_died_silently_is_told_and_listened_to_again(self):
        record = self.teller()
        page = self.open()
        page.see("window.told = []; new MutationObserver(() => told.push(document.getElementById('link').dataset.is))"
                 ".observe(document.getElementById('link'), {attributes: true})")
        page.see("stream.close()")  # nothing comes any more, and no error either, as behind a proxy that swallows it
        record(False)
        self.assertFalse(page.see(OFF))
        page.see("waits.silence = 500; guard(); waits.silence = 40000")
        page.wait(f"{OFF} && {LIVE}")
        self.assertEqual(page.see("told"), ["lost", "live"])
        self.assertIn("connected again", page.text("#log"))
        page.see("events.addEventListener('alive', () => { window.alive = true; })")
        page.wait("window.alive", 40)  # every 15 s
        self.assertEqual(page.see("told.length"), 2)

    def test_a_tab_takes_the_stream_over_from_one_that_passes_nothing_on(self):
        record = self.teller()
        first = self.open()
        second = self.open(beside=first)
        first.see("others.postMessage = () => {}")
        record(False)
        first.wait(OFF)
        second.see("waits.silence = 300; guard(); waits.silence = 40000")
        second.wait(f"stream !== null && {OFF} && {LIVE}")
        first.wait(f"stream === null && {LIVE}")
        record(True)
        for page in (first, second):
            page.wait(f"!({OFF})")

    def test_a_tab_that_is_hidden_asks_for_nothing_and_catches_up(self):
        page = self.open()
        page.see("waits.hidden = 0; window.asks = 0; { const own = fetch; fetch = (...what) => { ++asks; return own(...what); } }")
        page.hide(True)
        page.wait("!leave")
        self.assertEqual(page.see("[document.title, document.getElementById('link').dataset.is]"), ["prot", "opening"])
        counts = [page.see("asks")]
        while len(counts) < 5 and counts[-1:] != counts[-2:-1]:  # what was under way may end
            page.browser.listen(1.5)  # it looked each second
            counts.append(page.see("asks"))
        self.assertEqual(counts[-1], counts[-2], counts)
        page.hide(False)
        page.wait(f"asks > {counts[-1]} && {LIVE}")
        self.assertEqual(page.see("document.title"), "idle · prot")

    def test_a_page_that_is_open_for_long_neither_grows_nor_gets_slow(self):
        page = self.open()
        page.call("Performance.enable")

        def thread_time():
            return next(one["value"] for one in page.call("Performance.getMetrics")["metrics"] if one["name"] == "ThreadTime")

        def follow(turn):
            """Processor time of the page while prot says a reply, of which a little more is heard each time."""
            page.see(f"{{ {TELL} happen('segment', {{turn: {turn}, segment: 0, text: 'One more word. '.repeat(20)}}); }}")
            begin = thread_time()
            page.see(f"{{ {TELL} for (let bytes = 0; bytes < 200; bytes += 10) happen('spoken', {{turn: {turn}, segment: 0, bytes}}); }}")
            return thread_time() - begin
        follow(9000)  # the first time it is made ready
        short = follow(9001)
        page.see("""log.hidden = true;  // it takes its time to show them
            for (let turn = 1; turn <= 250; ++turn)
              writeTurn({turn, utterance: turn, speech_end_ns: turn, heard: 'What time is it? ' + turn, reply: 'It is ' + turn});
            log.hidden = false;""")
        self.assertEqual(page.see("[known.size, asked.size, log.childElementCount, document.getElementById('said').childElementCount]"),
                         [200, 200, 400, 4])
        self.assertIn("It is 250", page.see("log.lastElementChild.textContent"))
        self.assertLess(follow(9002) / short, 6)

    def test_what_was_missed_stands_at_its_place_and_once(self):
        page = self.open()
        page.see("(() => {" + TELL + """
            happen('heard', {utterance: 1, text: '첫 질문', final: true});
            happen('segment', {turn: 1, segment: 0, text: '첫 대답.'});
            happen('turn', {turn: 1, utterance: 1, speech_end_ns: 1, heard: '첫 질문', reply: '첫 대답.'});
            happen('heard', {utterance: 2, text: '둘째 질문', final: true});
            happen('heard', {utterance: 3, text: '셋', final: false});
            happen('connected', {});
            writeTurn({turn: 2, utterance: 2, speech_end_ns: 2, heard: '둘째 질문', reply: '둘째 대답.'}, '12:00:00');
            writeTurn({turn: 3, utterance: 3, speech_end_ns: 3, heard: '셋째 질문', reply: '셋째 대답.'}, '12:00:01'); })()""")
        self.assertEqual(rows(page), [["you", "첫 질문"], ["prot", "첫 대답."], ["you", "둘째 질문"], ["prot", "둘째 대답."],
                                      ["you", "셋째 질문"], ["prot", "셋째 대답."]])

    def test_a_character_is_never_shown_in_halves(self):
        page = self.open("ko-KR")
        shown = page.see("(() => {" + TELL + """
            happen('segment', {turn: 1, segment: 0, text: '가나 🙂'});
            return [0, 1, 2, 3, 4, 6, 7, 8, 10, 11, 99].map(bytes => {
              happen('spoken', {turn: 1, segment: 0, bytes});
              return ['heard', 'ahead'].map(part => document.querySelector('.line.prot .' + part)?.textContent ?? '').join('|');
            }); })()""")
        self.assertEqual(shown, ["|가나 🙂"] * 3 + ["가|나 🙂"] * 2 + ["가나| 🙂", "가나 |🙂", "가나 |🙂", "가나 |🙂", "가나 🙂|", "가나 🙂|"])

    def test_every_state_and_policy_has_its_word(self):
        page = self.open()
        policies = (SOURCE / "core/observe/ring_probe.cpp").read_text().split("policy_name(", 1)[1].split("\n}\n", 1)[0]
        told = re.findall(r'return "([a-z-]+)"', (SOURCE / "core/ipc/board.cpp").read_text() + policies)
        self.assertGreaterEqual(set(told), {"starting", "ready", "ending", "active", "block", "keep-latest"})
        for language in ("en", "ko"):
            words = page.see(f"kWords.{language}")
            self.assertEqual([name for name in told if "{}" in words.get(name, "{}")], [], language)
        self.assertEqual(page.see("word('sure', \"$& and $'\")"), "Restart $& and $'?")

    def test_a_ring_is_marked_from_where_its_pressure_is_told(self):
        page = self.open()
        marked = page.see("""ask('/diagnostics').then(page => [0.37, 0.375, 0.75, 1].map(part => {
            showRings(page.rings.map(ring => ({...ring, used_bytes: ring.capacity_bytes * part})));
            return [...document.querySelectorAll('#rings tbody tr')].filter(row => row.querySelector('.pressed')).map(row => row.cells[0].textContent);
        }))""")
        names = page.see("[...document.querySelectorAll('#rings tbody th')].map(one => one.textContent)")
        full = [name for name in names if name != "pcm"]  # it is full by design
        self.assertEqual((len(full), marked), (9, [[], ["speech"], full, full]))

    def test_states_are_not_read_out_beside_the_words(self):
        page = self.open()
        self.assertFalse(page.see("Boolean(document.getElementById('state').closest('[role=status], [aria-live]'))"))


class Doors(unittest.TestCase):
    """Fixture stages."""

    def test_any_token_goes_with_the_page_and_one_that_is_refused_is_told_once(self):
        with WebInstance(web=["web.token_env=PROT_TEST_TOKEN"]) as prot, Browser() as browser:
            prot.environment["PROT_TEST_TOKEN"] = "of+base64/characters=="
            prot.up()
            wait_for_web("it listens", lambda: prot.answer("/health"))
            page = browser.page()
            page.open(f"http://127.0.0.1:{prot.port}/?token=of+base64/characters==")
            page.wait(LIVE)
            page.see("window.told = []; new MutationObserver(() => told.push(document.getElementById('link').dataset.is))"
                     ".observe(document.getElementById('link'), {attributes: true})")
            self.assertEqual(prot.run("down", "--now").returncode, 0)
            page.wait(LOST)
            prot.environment["PROT_TEST_TOKEN"] = "another token of enough characters"
            prot.up()
            page.wait("document.getElementById('link').dataset.is === 'refused'", 40)
            tries = sum("/events" in one for one in page.requests)
            wait_for_web("it tries again", lambda: browser.listen(0.05) or sum("/events" in one for one in page.requests) >= tries + 2)
            told = page.see("told")
            self.assertEqual(told[told.index("refused"):], ["refused"])
            self.assertEqual(page.text("#link"), "prot asks for a token: open this page as /?token=TOKEN")


if __name__ == "__main__":
    if not chromium():
        print("chromium-headless-shell is not installed (tools/setup/packages.sh --test)")
        sys.exit(77)
    unittest.main(verbosity=2)
