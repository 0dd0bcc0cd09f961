"""What the dashboard tells beside its looks: the language of what was said, the names of its tables."""
import os
import pathlib
import sys
import unittest

from browser import Browser, chromium
from web_instance import WebInstance

AUDIT = (pathlib.Path(os.environ["SOURCE"]) / "tests/web/audit.js").read_text(encoding="utf-8")
LIVE = "document.getElementById('link').dataset.is === 'live' && document.querySelectorAll('#stages tbody tr').length > 6"
TELL = "const happen = (type, data) => events.dispatchEvent(new MessageEvent(type, {data: JSON.stringify(data)}));"


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


if __name__ == "__main__":
    if not chromium():
        print("chromium-headless-shell is not installed (tools/setup/packages.sh --test)")
        sys.exit(77)
    unittest.main(verbosity=2)
