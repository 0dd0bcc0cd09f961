"""The demonstration through loopback services, with each family of protocols. No engine computes anything in them, so
they are held at the same time, each with a sound server and an instance of its own."""
import concurrent.futures
import tempfile
import unittest

from demo_test import hold

FAMILIES = {"elevenlabs": "loopback", "wyoming": "loopback:wyoming", "openai": "loopback:openai"}


def demonstration(family):
    with tempfile.TemporaryDirectory() as folder:
        return hold(folder, "--services", FAMILIES[family], name=f"-{family}")


class Families(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pool = concurrent.futures.ThreadPoolExecutor(len(FAMILIES))
        cls.held = {family: cls.pool.submit(demonstration, family) for family in FAMILIES}

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown()

    def check(self, family):
        data, said = self.held[family].result()
        self.assertIn("loopback servers", said)  # what is faked is said
        self.assertTrue(data["memory"]["recalled"])
        self.assertEqual((data["services"]["kind"], data["services"]["problems"]), ("loopback", []))
        self.assertEqual(len(data["services"]["asked"]), 5)
        for name, asked in data["services"]["asked"].items():
            self.assertGreater(asked, 0, name)
        self.assertEqual([turn["said"] for turn in data["turns"]], [turn["heard"] for turn in data["turns"]])
        replies = [turn["reply"] for turn in data["turns"]]
        asked = next(i for i, reply in enumerate(replies) if "Shall I do that?" in reply)
        self.assertEqual(replies[asked + 1], "The front door is unlocked.")
        self.assertEqual(data["services"]["family"], family)

    def test_elevenlabs_anthropic_and_voyage(self):
        self.check("elevenlabs")

    def test_wyoming(self):
        self.check("wyoming")

    def test_openai(self):
        self.check("openai")


if __name__ == "__main__":
    unittest.main(verbosity=2)
