"""What the dashboard tells beside its looks: the language of what was said, the names of its tables, the losses of rings, troubles."""
import os
import pathlib
import sys
import unittest

from browser import Browser, chromium
from web_instance import WebInstance

AUDIT = (pathlib.Path(os.environ["SOURCE"]) / "tests/web/audit.js").read_text(encoding="utf-8")
LIVE = "document.getElementById('link').dataset.is === 'live' && document.querySelectorAll('#stages tbody tr').length > 6"
TELL = "const happen = (type, data) => events.dispatchEvent(new MessageEvent(type, {data: JSON.stringify(data)}));"
# Of one table: [{column: [text, is marked]}].
CELLS = """const cells = id => [...document.querySelectorAll(`#${id} tbody tr`)].map(row => Object.fromEntries([...row.cells].map((cell, place) =>
    [document.querySelectorAll(`#${id} thead th span:first-child`)[place].dataset.t, [cell.innerText, cell.classList.contains('bad')]])));"""


class Told(unittest.TestCase):
    """Fixture stages."""

    @classmethod
    def setUpClass(cls):
        cls.prot = cls.enterClassContext(WebInstance())
        cls.prot.up_and_ready()
        cls.browser = cls.enterClassContext(Browser())

    def open(self, languages="en-US"):
        page = self.browser.page(languages)
        self.addCleanup(page.close)
        page.open(f"http://127.0.0.1:{self.prot.port}/")
        page.wait(LIVE)
        return page

    def test_what_was_said_is_marked_with_its_language(self):
        for languages, own in (("en-US", "en"), ("ko-KR", "ko")):
            with self.subTest(languages):
                page = self.open(languages)
                page.see("(() => {" + TELL + """
                    happen('heard', {utterance: 1, text: '지금 몇 시야?', final: true});
                    happen('segment', {turn: 1, segment: 0, text: 'It is three in Korea.'});
                    happen('segment', {turn: 1, segment: 1, text: 'And noon here.'});
                    happen('turn', {turn: 1, utterance: 1, speech_end_ns: 1, heard: '지금 몇 시야?', reply: 'It is three', interrupted: true});
                    happen('heard', {utterance: 2, text: '3 + 4', final: true});
                    happen('segment', {turn: 2, segment: 0, text: '칠입니다.'}); })()""")
                self.assertEqual(page.see("[...document.querySelectorAll('.line .what')].map(one => one.lang)"), ["ko", "en", "", "ko"])
                # What the page itself says within is in the page's language.
                self.assertEqual(page.see("document.querySelector('.what .hidden').lang"), own)
                self.assertEqual(page.see("[...document.querySelectorAll('#said span')].map(one => [one.lang, one.textContent])"),
                                 [["ko", "지금 몇 시야?"], ["en", "It is three"], ["", "3 + 4"]])
                self.assertEqual(page.see("[...document.querySelectorAll('#said p')].map(one => one.lang)"), ["", "", ""])
                page.see("speak('ko')")
                self.assertEqual(page.see("document.querySelector('.what .hidden').lang"), "ko")
                self.assertEqual(page.see("[hit(['x'], 'a fox').lang, hit(['x'], '여우').lang]"), ["en", "ko"])

    def test_tables_have_names(self):
        page = self.open()
        self.assertEqual(page.see("[...document.querySelectorAll('table')].map(one => document.getElementById(one.getAttribute('aria-labelledby'))?.textContent)"),
                         ["Latency", "Programs", "Rings"])
        self.assertEqual(page.see(AUDIT), [])
        page.see("document.getElementById('rings').removeAttribute('aria-labelledby')")
        self.assertRegex(" ".join(page.see(AUDIT)), "table#rings.*a table without a name")

    def test_losses_of_rings_are_shown_and_marked(self):
        page = self.open()
        told = page.see("""ask('/diagnostics').then(page => {""" + CELLS + """
            const shown = [];
            for (const losses of [{}, {poison_frames: 2, faults: 3}]) {
              showRings(page.rings.map(ring => ({...ring, ...losses})));
              shown.push(cells('rings'));
            }
            return shown; })""")
        for rows, marked, wanted in ((told[0], False, ("0", "0")), (told[1], True, ("2", "3"))):
            self.assertEqual(len(rows), 10)
            for row in rows:
                self.assertEqual((row["setAside"], row["faults"]), ([wanted[0], marked], [wanted[1], marked]), row)

    def test_how_a_program_ended_and_when_it_moved_last_are_shown(self):
        page = self.open("ko-KR")
        told = page.see("""ask('/diagnostics').then(page => {""" + CELLS + """
            return [{last_exit: null, asleep: true, heartbeat_age_ms: 90000}, {last_exit: 0, asleep: false, heartbeat_age_ms: 340},
                    {last_exit: 4, asleep: false, heartbeat_age_ms: null}, {last_exit: -9, asleep: false, heartbeat_age_ms: 6000},
                    {last_exit: -40, asleep: false, heartbeat_age_ms: 1}].map(facts => {
              showStages([{...page.stages[0], ...facts}]);
              const row = cells('stages')[0];
              return [...row.lastExit, ...row.beat]; }); })""")
        self.assertEqual(told, [["–", False, "쉼", False], ["0", False, "0.3초", False], ["4", True, "–", False],
                                ["SIGKILL", True, "6.0초", True], ["시그널 40", True, "0.0초", False]])
        page.size(390, 844)
        self.assertEqual(page.see(AUDIT), [])


class Troubles(unittest.TestCase):
    """Fixture stages, of which some end for good."""

    def test_a_restart_that_fails_is_told(self):
        with WebInstance() as prot, Browser() as browser:
            prot.up_and_ready()
            page = browser.page()
            page.open(f"http://127.0.0.1:{prot.port}/")
            page.wait(LIVE)

            def restart(name, script):
                program = prot.stages / f"prot-{name}"
                program.unlink()
                program.write_text(f"#!/bin/sh\n{script}\n")
                program.chmod(0o755)
                page.see(f"restartNow('{name}'); null")
            restart("tts", "exit 1")
            page.wait("document.getElementById('told').textContent === 'tts ended again while it started'")
            page.see("waits.restart = 2000")
            restart("stt", "exec sleep 1000")
            page.wait("document.getElementById('told').textContent === 'stt is not ready after 30 s; prot logs tells why'")

    def test_a_korean_page_says_in_korean_what_went_wrong(self):
        with WebInstance() as prot, Browser() as browser:
            prot.up_and_ready()
            page = browser.page("ko-KR")
            page.open(f"http://127.0.0.1:{prot.port}/")
            page.wait(LIVE)
            page.see("""window.status = 0; { const own = fetch; fetch = (path, options) =>
                /^.(restart|search)/.test(path) ? (status ? Promise.resolve(new Response('{"error":"what prot says"}', {status})) : Promise.reject())
                : own(path, options); }""")
            said = set()
            for status in (0, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 504):
                with self.subTest(status=status):
                    page.see(f"status = {status}; restartNow('tts')")
                    page.see("document.getElementById('query').value = 'x'; document.getElementById('search').requestSubmit()")
                    page.wait("document.getElementById('hits').dataset.t !== 'looking'")
                    for place in ("#told", "#hits"):
                        self.assertRegex(page.text(place), "[가-힣]")
                        self.assertNotIn("what prot says", page.text(place))
                        self.assertEqual(page.text(place + "-why"), "(what prot says)" if status else "")
                        self.assertEqual(page.see(f"document.querySelector('{place}-why').lang"), "en")
                    said.add(page.text("#told"))
            self.assertEqual(len(said), 10)
            levels, names = page.see("""(() => {
                lookAtErrors([{name: 'stt', last_errors: ['warn', 'error'].map(level => ({at: '2026-11-28T01:00:00Z', level, message: 'm'}))}]);
                return [[...document.querySelectorAll('#errors .tag')].map(one => one.textContent),
                        [...document.querySelectorAll('[data-t]')].map(one => one.dataset.t).filter(name => !(name in kWords.ko))]; })()""")
            self.assertEqual((sorted(levels), names), (["경고", "오류"], []))
            marks = page.see("(() => {" + TELL + """
                ['backchannel', 'stop', 'nothing understood'].forEach((why, index) => happen('ignored', {utterance: index, why, text: '음'}));
                const told = () => [...document.querySelectorAll('[data-mark=ignored]')].map(one => one.textContent);
                const korean = told();
                speak('en');
                return [korean, told()]; })()""")
            self.assertEqual(marks, [["대답 안 함: 맞장구", "대답 안 함: 멈춤 말", "대답 안 함: 알아듣지 못함"],
                                     ["not answered: a sign of listening", "not answered: a stop word", "not answered: nothing understood"]])


if __name__ == "__main__":
    if not chromium():
        print("chromium-headless-shell is not installed (tools/setup/packages.sh --test)")
        sys.exit(77)
    unittest.main(verbosity=2)
