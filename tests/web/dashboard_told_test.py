"""What the dashboard tells beside its looks: the language of what was said, the names of its tables, the losses of rings."""
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


if __name__ == "__main__":
    if not chromium():
        print("chromium-headless-shell is not installed (tools/setup/packages.sh --test)")
        sys.exit(77)
    unittest.main(verbosity=2)
