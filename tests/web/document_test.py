"""doc/http.md against a running prot-web: every path and key that it names is there, and none that it does not name."""
import json
import os
import pathlib
import re
import unittest

from web_instance import WebInstance, WebSocket

ROOT = pathlib.Path(os.environ["SOURCE"])
TEXT = (ROOT / "doc/http.md").read_text(encoding="utf-8")


def table(head):
    """Rows of the table that begins so: [[cell, ...], ...]."""
    lines = TEXT[TEXT.index(head):].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def names(text):
    return re.findall(r"`([a-z_0-9]+)`", text)


class Document(unittest.TestCase):
    def test_its_numbers_are_those_of_the_code(self):
        limits = (ROOT / "core/http/server.hpp").read_text()
        rules = (ROOT / "core/http/admission.hpp").read_text()

        def number(source, name):
            value = re.search(rf"{name} =\s*([\d'.]+)(?:U << (\d+)U)?", source)
            return int(float(value[1].replace("'", ""))) << int(value[2] or 0)
        said = re.sub(r"\s+", " ", TEXT)
        for part in (f"At most {number(limits, 'connections')} connections (503)",
                     f"{number(limits, 'header_bytes') // 1024} KiB of headers (431)",
                     f"{number(limits, 'body_bytes') // 1024} KiB of a body (413) or message (1009)",
                     f"{number(limits, 'request_timeout_ms') // 1000} s for a request to come and for an answer to be taken",
                     f"{number(rules, 'burst')} requests at once and {number(rules, 'requests_per_s')} a second",
                     f"{number(limits, 'unread_bytes') >> 20} MiB that a client has not read"):
            self.assertIn(part, said)
        self.assertEqual(number(limits, "body_bytes"), number(limits, "message_bytes"))
        self.assertEqual(number(limits, "request_timeout_ms"), number(limits, "write_timeout_ms"))
        keys = (ROOT / "core/stage/config_keys.cpp").read_text()
        address, number_of_port = re.search(r'"web.address", "([^"]*)"', keys)[1], re.search(r'"web.port", "(\d+)"', keys)[1]
        self.assertIn(f"listens on {address}:{number_of_port}", said)
        self.assertEqual((address, number_of_port), ("127.0.0.1", "8000"))  # the original's
        rooms = (ROOT / "web/chat_rooms.hpp").read_text()
        self.assertIn(f"At most {number(rooms, 'kMostRooms')} clients at a time", said)
        self.assertIn(f"the newest {number((ROOT / 'web/turn_history.hpp').read_text(), 'kMostTurns')} lines", said)

    def test_every_path_is_served_and_every_key_is_there(self):
        with WebInstance() as prot:
            prot.up_and_ready()
            paths = {names_of_path[0].strip("`"): names_of_path[1] for names_of_path in table("| path | is |")}
            served = set(re.findall(r'"(/[a-z]*)"', "".join(
                (ROOT / "web" / name).read_text() for name in ("web_stage.cpp", "operator_desk.hpp"))))
            self.assertEqual(set(paths), served)
            for path in set(paths) - {"/events", "/chat"}:
                self.assertNotIn(prot.answer(path)[0], (404, 500), path)
            self.assertEqual(set(prot.page("/state")), set(names(paths["/state"])))
            page = prot.page("/diagnostics")
            original = {"state", "background_tasks", "active_timeout", "asyncio_tasks"}
            about = TEXT[TEXT.index("**Diagnostics.**"):TEXT.index("| of each stage")]
            self.assertEqual(set(names(about)) - {"active"}, original | {"db_pool_size", "db_pool_free"})
            self.assertEqual(list(page)[:4], ["state", "background_tasks", "active_timeout", "asyncio_tasks"])
            self.assertEqual(set(page), original | {"instance", "run", "turn"} | set(names(paths["/diagnostics"])))
            told = [name for row in table("| of each stage | |") for name in names(row[0])]
            for stage in page["stages"]:
                self.assertEqual(sorted(stage), sorted(told), stage["name"])
            with WebSocket(prot.port, "/chat") as chat:
                self.assertEqual(chat.status, 101)
            self.assertEqual(json.loads(prot.answer("/nowhere")[2]), {"error": "there is no such page"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
