"""The dashboard in a headless Chromium, while a person talks with prot: what it shows, what it does, whom it serves.

SCREENSHOTS names a folder in which pictures of it are kept, to be looked at.
"""
import json
import os
import pathlib
import signal
import sys
import tempfile
import threading
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "programs"), str(TESTS / "web")]
from browser import LIMIT, Browser, chromium  # noqa: E402
from scenario import format as scenarios  # noqa: E402
from scenario.sounds import make_speech  # noqa: E402
from scenario.steps import Steps  # noqa: E402
from scenario.world import World  # noqa: E402
from web_instance import WebInstance, free_port, wait_for_web  # noqa: E402

BIN = pathlib.Path(os.environ["PROT_BIN"])
AUDIT = (TESTS / "web/audit.js").read_text(encoding="utf-8")
STORY = ("A fox lived in the woods near a river. Every morning it walked to the water and looked at the fish. "
         "One day the river was frozen and the fox could not drink.")
ANSWER = "There are seven of them, and twelve months."
WRITTEN = "<b>You</b> wrote & I read."
TALK = f'''
about = "What the dashboard watches."
recognizer = "elevenlabs"
settings = {{brain.barge_in_ms = 5000, memory.store = "postgres"}}
model = [{{text = "{STORY}"}}, {{text = "{ANSWER}"}}, {{text = "{WRITTEN}"}}]
steps = [
  {{say = "Please tell me a story about a fox."}},
  {{wait = "audible"}},
  {{say = "Please tell me how many days are in a week and how many months are in a year.", after_ms = 1500}},
  {{wait = "turn"}},
  {{wait = "turn"}},
]
expect = [{{turns = 2}}]
'''
# What was there while nobody looked: everything that changes is written down by the page itself.
WATCH = """
window.seen = {states: [], partial: [], ahead: [], told: []};
const watch = () => {
  const state = document.querySelector('#lamps .on')?.dataset.state;
  if (state && seen.states.at(-1) !== state) seen.states.push(state);
  for (const row of document.querySelectorAll('.line.you.partial')) {
    const text = row.querySelector('.what').textContent;
    if (seen.partial.at(-1) !== text) seen.partial.push(text);
  }
  for (const row of document.querySelectorAll('.line.prot:not(.whole)')) {
    const heard = [...row.querySelectorAll('.heard')].map(one => one.textContent).join('').length;
    const ahead = [...row.querySelectorAll('.ahead')].map(one => one.textContent).join('').length;
    const last = seen.ahead.at(-1) || [];
    if (last[0] !== row.id || last[1] !== heard || last[2] !== ahead) seen.ahead.push([row.id, heard, ahead]);
  }
  for (const one of document.querySelectorAll('#said p')) if (!seen.told.includes(one.textContent)) seen.told.push(one.textContent);
};
new MutationObserver(watch).observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true});
"""
LIVE = "document.getElementById('link').dataset.is === 'live' && document.querySelectorAll('#stages tbody tr').length > 6"


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.talk = scenarios.parse(TALK, pathlib.Path("dashboard.toml"))
        make_speech(set(cls.talk.spoken()), BIN / "run_voice")
        cls.port = free_port()
        cls.address = f"http://127.0.0.1:{cls.port}/"
        cls.world = cls.enterClassContext(World(BIN))
        cls.settings = {**cls.world.settings_of(cls.talk), "web.enabled": "true", "web.port": str(cls.port)}
        cls.world.begin_run(cls.settings, 120)
        cls.world.services.begin(cls.talk)
        cls.browser = cls.enterClassContext(Browser())

    def setUp(self):
        self.page = None

    def tearDown(self):
        if self.page:
            self.page.close()

    def open(self, languages="en-US", scheme="light", size=(1440, 900)):
        self.page = self.browser.page(languages)
        self.page.size(*size)
        self.page.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        self.page.open(self.address)
        self.page.wait(LIVE)
        return self.page

    def picture(self, name):
        if folder := os.environ.get("SCREENSHOTS"):
            pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.picture(f"{folder}/{name}.png")

    def assert_clean(self, page):
        """Nothing was complained of, nothing asked of anybody else."""
        self.assertEqual(page.complaints, [])
        foreign = [one for one in page.requests if not one.startswith((self.address, self.address.replace("http", "ws"), "data:,"))]
        self.assertEqual(foreign, [])
        self.assertGreater(len(page.requests), 4)

    def rows(self):
        """The conversation: [(who, what, struck out, marks)]."""
        return self.page.see("""[...document.querySelectorAll('.line:not(.event)')].map(row => [
            row.classList.contains('you') ? 'you' : 'prot',
            [...row.querySelector('.what').childNodes].filter(node => !node.matches?.('s, .hidden')).map(node => node.textContent).join('').trim(),
            row.querySelector('s')?.textContent ?? '', [...row.querySelectorAll('.tag')].map(tag => tag.dataset.mark)])""")

    # In the order of their names: the first holds the conversation that the others look at.
    def test_1_a_conversation_is_shown_as_it_happens(self):
        page = self.open()
        page.see(WATCH)
        self.assertEqual(page.text("#median"), "No spoken turn yet.")
        steps = Steps(self.world, self.talk)
        self.addCleanup(steps.close)
        self.world.timeline.clear()
        failed = []

        def talk():
            try:
                steps.run()
            except Exception as error:  # told by the test's thread
                failed.append(error)
        thread = threading.Thread(target=talk)
        thread.start()
        page.wait("seen.ahead.some(one => one[1] > 20 && one[2] > 20)", 40)
        self.picture("speaking")
        while thread.is_alive():
            self.browser.listen(0.1)
        thread.join()
        self.assertEqual(failed, [])
        page.wait("document.querySelectorAll('#turns tbody tr').length === 2 && document.querySelector('#lamps .on').dataset.state === 'active'")

        seen = page.see("seen")
        order = [state for state in seen["states"] if state in ("listening", "processing", "speaking", "interrupted", "active")]
        self.assertEqual(order[:5], ["listening", "processing", "speaking", "interrupted", "listening"], seen["states"])
        self.assertEqual(order[-3:], ["processing", "speaking", "active"], seen["states"])
        self.assertTrue([text for text in seen["partial"] if text and "?" not in text and "." not in text], seen["partial"])
        of_story = [one[1] for one in seen["ahead"] if one[0] == seen["ahead"][0][0] and one[1] > 0]
        self.assertGreater(len(set(of_story)), 3)  # it follows the loudspeaker
        self.assertEqual(of_story, sorted(of_story))

        rows = self.rows()
        self.assertEqual([row[0] for row in rows], ["you", "prot", "you", "prot"])
        self.assertEqual(rows[0][1], "Please tell me a story about a fox.")
        turns = [json.loads(line) for line in next(self.world.state_folder().rglob("turns.jsonl")).read_text().splitlines()]
        self.assertEqual(rows[1][1], turns[0]["reply"])  # what was heard, to the word
        self.assertEqual(rows[1][3], ["cut"])
        self.assertGreater(len(rows[1][2]), 20)
        self.assertIn(f"{rows[1][1]} {rows[1][2]}".replace("  ", " "), STORY)
        self.assertEqual(rows[3][1:], [ANSWER, "", []])
        told = " ".join(seen["told"])
        for part in ("you: Please tell me a story about a fox.", f"prot: {ANSWER}", "(interrupted)"):
            self.assertIn(part, told)

        self.check_latency(page)
        pool = page.see("ask('/diagnostics').then(page => [page.db_pool_free, page.db_pool_size, page.stages.find(one => one.name === 'memory').pool])")
        self.assertTrue(1 <= pool[1] <= 10 and 0 <= pool[0] <= pool[1], pool)
        self.assertEqual(set(pool[2]), {"size", "free"})
        self.assertRegex(page.text("#read-connections dd"), r"^\d+ / \d+ free$")
        self.picture("conversation")
        self.assertEqual(page.see(AUDIT), [])
        self.assert_clean(page)

    def check_latency(self, page):
        steps = page.see("ask('/diagnostics').then(page => page.turns)")
        shown = page.see("[...document.querySelectorAll('#turns tbody tr')].map(row => [...row.cells].map(cell => cell.innerText.trim()))")
        self.assertEqual([int(row[0]) for row in shown], [turn["turn"] for turn in steps])
        names = ["detected", "transcript", "request", "first token", "first segment", "first audio", "audible"]
        for row, turn in zip(shown, steps):
            self.assertEqual(int(row[2]), turn["steps"][-1]["ms"])
            added = {step["step"]: step["added_ms"] for step in turn["steps"]}
            self.assertEqual([None if cell == "–" else int(cell) for cell in row[3:]], [added.get(name) for name in names])
        self.assertIn("Please tell me a story about a fox.", shown[1][1])
        self.assertIn("interrupted", shown[1][1])
        widths = page.see("[...document.querySelectorAll('#turns tbody tr:last-child .part')].map(one => parseFloat(one.style.width))")
        self.assertAlmostEqual(sum(widths), sum(step["added_ms"] for step in steps[1]["steps"]) / page.see("axis") * 100, delta=1)

    def test_2_a_page_that_comes_later_has_the_last_turns_and_text_is_text(self):
        page = self.open("ko-KR,ko", "dark")
        page.wait("document.querySelectorAll('.line').length === 4")
        self.assertEqual([row[0] for row in self.rows()], ["you", "prot", "you", "prot"])
        self.assertRegex(page.text(".line time"), r"^\d\d:\d\d:\d\d$")
        page.see("document.getElementById('words').focus()")
        page.type("프로트, 안녕?")
        page.press("Enter")
        page.wait("document.querySelectorAll('.line').length === 6 && document.querySelector('.line:last-child .what').textContent.endsWith('read.')")
        self.assertEqual(self.rows()[4:], [["you", "프로트, 안녕?", "", ["byText"]], ["prot", WRITTEN, "", ["byText"]]])
        self.assertEqual(page.see("document.querySelectorAll('.what b').length"), 0)
        self.assertEqual(page.see("document.getElementById('words').value"), "")
        page.wait("document.getElementById('said').textContent.includes('wrote & I read')")
        self.assert_clean(page)

    def test_3_memory_is_searched(self):
        page = self.open()
        page.see("document.getElementById('query').focus()")
        page.type("fox")
        page.press("Enter")
        page.wait("document.querySelectorAll('#found li').length > 0")
        self.assertRegex(page.text("#hits"), r"^\d+ found$")
        self.assertEqual(page.text("#found mark").lower(), "fox")
        self.assertIn("Please tell me a story about a fox.", page.text("#found"))
        self.picture("search")
        self.assertEqual(page.see(AUDIT), [])
        page.see("document.getElementById('query').value = 'zeppelin'")
        page.press("Enter")
        page.wait("document.getElementById('hits').textContent === 'nothing found'")
        self.assertEqual(page.see("document.querySelectorAll('#found li').length"), 0)
        self.assert_clean(page)

    def test_4_a_program_is_restarted_by_keyboard_after_a_question(self):
        page = self.open()
        before = self.world.stages()
        name = "[...document.querySelectorAll('#stages button')].find(one => one.getAttribute('aria-label') === 'Restart tts')"
        page.see(f"{name}.focus()")
        page.press("Enter")
        page.wait("document.getElementById('sure').open")
        self.assertEqual(page.text("#sure-title"), "Restart tts?")
        self.assertEqual(page.see("document.activeElement.value"), "no")  # what does no harm is at hand
        self.picture("question")
        self.assertEqual(page.see(AUDIT), [])
        page.press("Escape")
        page.wait("!document.getElementById('sure').open")
        self.assertTrue(page.see(f"document.activeElement === {name}"))
        page.press("Enter")
        page.wait("document.getElementById('sure').open")
        page.press("Tab")
        self.assertEqual(page.see("document.activeElement.value"), "yes")
        page.press("Enter")
        page.wait("document.getElementById('told').textContent === 'tts was restarted'")
        self.assertTrue(page.see(f"document.activeElement === {name}"))
        after = self.world.stages()
        self.assertEqual(after["tts"]["generation"], before["tts"]["generation"] + 1)
        self.assertEqual({n: s["pid"] for n, s in after.items() if n != "tts"}, {n: s["pid"] for n, s in before.items() if n != "tts"})
        self.assert_clean(page)

    def test_5_the_keyboard_reaches_everything_in_order_and_one_sees_where(self):
        page = self.open()
        wanted = page.see("""[...document.querySelectorAll('a[href], button, input, select, [tabindex="0"]')].filter(one => one.checkVisibility() && !one.closest('dialog'))
            .map((one, index) => { one.dataset.place = index; return index; })""")
        reached, invisible = [], []
        for _ in wanted:
            page.press("Tab")
            place, outline = page.see("(() => { const one = document.activeElement, style = getComputedStyle(one);"
                                      " return [one.dataset.place ?? one.tagName, style.outlineStyle + ' ' + style.outlineWidth]; })()")
            reached.append(place)
            if outline != "solid 2px":
                invisible.append((place, outline))
        self.assertEqual(reached, [str(place) for place in wanted])
        self.assertEqual(invisible, [])
        page.see("document.activeElement.blur(); document.querySelector('.skip').focus()")
        self.assertGreaterEqual(page.see("document.querySelector('.skip').getBoundingClientRect().left"), 0)
        page.press("Enter")
        self.assertEqual(page.see("document.activeElement.id"), "words")

    def test_6_both_languages_and_both_colours_are_whole(self):
        keys = None
        for languages, scheme, size in (("en-US", "light", (1440, 900)), ("ko-KR,en", "dark", (1440, 900)),
                                        ("ko-KR", "light", (390, 844)), ("fr-FR,en-GB", "dark", (390, 844)), ("en-US", "dark", (900, 1000))):
            with self.subTest(languages=languages, scheme=scheme, size=size):
                page = self.open(languages, scheme, size)
                language = "ko" if languages.startswith("ko") else "en"
                self.assertEqual(page.see("document.documentElement.lang"), language)
                untold = page.see(f"[...document.querySelectorAll('[data-t]')].filter(one => !(one.dataset.t in kWords.{language})"
                                  " && !/^[a-z ]*$/.test(one.dataset.t)).map(one => one.dataset.t)")
                self.assertEqual(untold, [])
                if language == "ko":
                    self.assertRegex(page.text("main h2"), r"^[가-힣]+$")
                self.assertEqual(page.see(AUDIT), [])
                background = page.see("getComputedStyle(document.body).backgroundColor")
                (self.assertIn if scheme == "dark" else self.assertNotIn)(background, ("rgb(14, 17, 19)",))
                self.picture(f"{language}-{scheme}-{size[0]}")
                if size[0] > 1000:
                    page.see("document.querySelector('.works').scrollTop = 9999")
                else:
                    page.see("scrollTo(0, 9999)")
                self.picture(f"{language}-{scheme}-{size[0]}-end")
                keys = page.see("[Object.keys(kWords.en).sort(), Object.keys(kWords.ko).sort()]")
                self.assertEqual(keys[0], keys[1])
                page.close()
                self.page = None

    def test_7_what_is_chosen_is_kept(self):
        page = self.open()
        page.see("""for (const [id, value] of [['language', 'ko'], ['theme', 'dark']]) {
            document.getElementById(id).value = value;
            document.getElementById(id).dispatchEvent(new Event('change')); }""")
        for _ in range(2):
            self.assertEqual(page.see("[document.documentElement.lang, getComputedStyle(document.body).backgroundColor]"), ["ko", "rgb(14, 17, 19)"])
            self.assertEqual(page.text("#say button"), "보내기")
            self.assertEqual(page.see("document.querySelector('#stages button').getAttribute('aria-label')").split()[-1], "재시작")
            page.open(self.address)
            page.wait(LIVE)
        self.assertEqual(page.see("getComputedStyle(document.querySelector('.used')).transitionDuration"), "0s")  # reduced motion
        self.assert_clean(page)

    def test_8_it_says_when_prot_is_gone_and_comes_back_by_itself(self):
        page = self.open()
        os.kill(next(s["pid"] for s in self.world.prot.status()["stages"] if s["name"] == "web"), signal.SIGKILL)
        page.wait("document.getElementById('link').dataset.is === 'lost'")
        self.assertRegex(page.text("#link"), r"^No connection to prot since \d\d:\d\d:\d\d\.")
        self.assertTrue(page.see("document.getElementById('link').getBoundingClientRect().height > 20"))
        self.assertEqual(page.see(AUDIT), [])
        page.wait(LIVE, 40)
        self.assertIn("connected again", page.text("#log"))
        page.see("window.same = true")
        self.assertIn(self.world.prot.command("down", "--now").returncode, (0, 7))  # 7: jobs are left for the next run
        page.wait("document.getElementById('link').dataset.is === 'lost'")
        self.picture("lost")
        options = [o for key, value in self.settings.items() for o in ("--set", f"{key}={value}")]
        self.assertEqual(self.world.prot.command("up", "-d", *options).returncode, 0)
        page.wait(LIVE, 40)
        page.wait("document.getElementById('log').textContent.includes('prot was restarted')")
        self.assertTrue(page.see("window.same"))  # the same page, not loaded anew
        starting = f"the server responded with a status of 503 (Service Unavailable) {self.address}ready"
        page.complaints = [one for one in page.complaints if "net::ERR_" not in one and "WebSocket connection" not in one
                           and starting not in one]
        self.assert_clean(page)


class Doors(unittest.TestCase):
    """Fixture stages: who gets in, and what is told until there is something to show."""

    def test_a_token_in_the_address_goes_with_everything_that_the_page_asks(self):
        token = "a token of enough characters"
        with WebInstance(web=["web.token_env=PROT_TEST_TOKEN"]) as prot, Browser() as browser:
            prot.environment["PROT_TEST_TOKEN"] = token
            prot.up()
            page = browser.page()
            address = f"http://127.0.0.1:{prot.port}/"
            wait_for_web("it listens", lambda: prot.answer("/health"))
            page.open(address)
            self.assertEqual(page.see("document.body.innerText"), '{"error":"a token is needed (see web.token_env)"}')
            page.complaints.clear()
            page.open(address + "?token=" + token.replace(" ", "%20"))
            page.wait(LIVE)
            before = prot.pids()["tts"]
            page.see("restartNow('tts')")
            page.wait("document.getElementById('told').textContent === 'tts was restarted'")
            self.assertNotEqual(prot.pids()["tts"], before)
            page.see("document.getElementById('words').value = 'anybody?'; document.getElementById('say').requestSubmit()")
            wait_for_web("its own conversation", lambda: browser.listen(0.05) or any(
                one.startswith("ws://") and "token=" in one for one in page.requests))
            self.assertEqual(page.complaints, [])
            self.assertFalse(any(token in pathlib.Path(log).read_text() for log in (prot.state / "log").glob("*.log")))

    def test_it_names_who_is_not_ready(self):
        with WebInstance(slow="brain") as prot, Browser() as browser:
            prot.spawn("up", *prot.settings)
            wait_for_web("it listens", lambda: prot.answer("/health"))
            page = browser.page("ko-KR")
            page.open(f"http://127.0.0.1:{prot.port}/")
            page.wait("document.getElementById('link').dataset.is === 'starting'")
            self.assertRegex(page.text("#link"), r"^prot 시작 중: .*brain.* 준비 안 됨$")
            self.assertEqual(page.see(AUDIT), [])
            self.assertEqual(page.complaints, ["Failed to load resource: the server responded with a status of 503 (Service Unavailable) "
                                               f"http://127.0.0.1:{prot.port}/ready"] * len(page.complaints))


class Audit(unittest.TestCase):
    """It finds what is wrong with a page; the dashboard has none of it."""

    def test_what_it_finds(self):
        good = '<!doctype html><html lang="en"><title>t</title><body style="background:#fff;color:#000"><header></header><main><h1>a</h1>{}</main></html>'
        with Browser() as browser, tempfile.TemporaryDirectory() as folder:
            page = browser.page()
            for wrong, said in (
                    ("", None), ("<button></button>", "has no name"), ("<input style='height:30px;border:1px solid #000'>", "has no name"), ("<p style='color:#999'>x</p>", "contrast 2.85"),
                    ("<button style='height:20px'>x</button>", "small to hit"), ("<a href='#' tabindex='2' style='display:block;height:30px'>x</a>", "jumps the queue"),
                    ("<h3>x</h3>", "level is skipped"), ("<table><tr><th>x</th></tr></table>", "of nothing"), ("<table><tr><th scope=col>x</th></tr></table>", "without a name"),
                    ("<p id=x></p><p id=x></p>", "twice"),
                    ("<div style='height:30px;overflow:auto'><p style='height:90px'>x</p></div>", "mouse alone"), ("<svg></svg>", "without words"),
                    ("<div style='width:3000px'>x</div>", "wider than its window"), ("<label for=y>x</label>", "names nobody"),
                    ("<p style='opacity:1;color:rgba(0,0,0,.4)'>x</p>", "text: contrast"), ("<ul><p>x</p></ul>", "no item")):
                with self.subTest(wrong):
                    path = pathlib.Path(folder) / "page.html"
                    path.write_text(good.format(wrong), encoding="utf-8")
                    page.open(path.as_uri())
                    problems = page.see(AUDIT)
                    self.assertTrue(any(said in problem for problem in problems) if said else problems == [], problems)


if __name__ == "__main__":
    if not chromium():
        print("chromium-headless-shell is not installed (tools/setup/packages.sh --test)")
        sys.exit(77)
    unittest.main(verbosity=2)
