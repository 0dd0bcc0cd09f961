"""The demonstration through loopback services, with each family of protocols."""
import tempfile
import unittest

from demo_test import hold


class Families(unittest.TestCase):
    def check(self, services):
        with tempfile.TemporaryDirectory() as folder:
            data, said = hold(folder, "--services", services)
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
        return data["services"]["family"]

    def test_elevenlabs_anthropic_and_voyage(self):
        self.assertEqual(self.check("loopback"), "elevenlabs")

    def test_wyoming(self):
        self.assertEqual(self.check("loopback:wyoming"), "wyoming")

    def test_openai(self):
        self.assertEqual(self.check("loopback:openai"), "openai")


if __name__ == "__main__":
    unittest.main(verbosity=2)
