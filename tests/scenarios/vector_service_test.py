"""The loopback service of vectors and ranks, by a plain HTTP client: Voyage's wire, OpenAI's wire, its faults."""
import array
import base64
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from loopback.faults import make_fault  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.vector_service import VectorService, vector_of  # noqa: E402


class Vectors(unittest.TestCase):
    def setUp(self):
        self.loop = Loop()
        self.addCleanup(self.loop.stop)
        self.service = VectorService()
        self.loop.call(self.service.server.start())
        self.addCleanup(lambda: self.loop.call(self.service.server.stop()))

    def ask(self, path, body, key="pa-loopback", timeout=10):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.service.server.port,
                                                           timeout=timeout)) as connection:
            connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def test_vectors_in_both_forms(self):
        status, body = self.ask("/v1/embeddings", {"input": ["green tea", "차"], "model": "voyage-4-lite",
                                                   "input_type": "document", "output_dimension": 16,
                                                   "encoding_format": "base64"})
        data = json.loads(body)["data"]
        self.assertEqual((status, [d["index"] for d in data]), (200, [0, 1]))
        floats = array.array("f", base64.b64decode(data[0]["embedding"]))
        self.assertEqual(len(floats), 16)
        self.assertAlmostEqual(sum(f * f for f in floats), 1.0, places=5)
        _status, body = self.ask("/v1/embeddings", {"input": "green tea", "dimensions": 16})
        for a, b in zip(json.loads(body)["data"][0]["embedding"], floats, strict=True):
            self.assertAlmostEqual(a, b, places=6)
        self.assertEqual(self.service.requests("embeddings")[0].body["texts"], 2)

    def test_ranks_in_both_forms(self):
        asked = {"query": "green tea", "documents": ["a motorcycle", "I like green tea"], "model": "rerank-2.5"}
        _status, body = self.ask("/v1/rerank", asked | {"top_k": 1})
        self.assertEqual([d["index"] for d in json.loads(body)["data"]], [1])
        _status, body = self.ask("/v1/rerank", asked | {"top_n": 2})
        self.assertEqual([d["index"] for d in json.loads(body)["results"]], [1, 0])

    def test_what_the_service_refuses(self):
        self.service.key = "pa-right"
        self.assertEqual(self.ask("/v1/embeddings", {"input": ["a"]})[0], 401)
        self.assertNotIn("pa-loopback", str(self.service.server.records))
        self.assertEqual(self.ask("/v1/embeddings", {"input": ["a"]}, key="pa-right")[0], 200)
        for wrong in ([], [""], [1], ["a"] * 1001):
            self.assertEqual(self.ask("/v1/embeddings", {"input": wrong}, key="pa-right")[0], 400)
        self.assertEqual(self.ask("/v1/embeddings", {"input": ["a"], "input_type": "x"}, key="pa-right")[0], 400)
        self.assertEqual(self.ask("/v1/other", {"input": ["a"]})[0], 404)

    def test_it_counts_what_comes_at_once(self):
        self.service.delay = 0.1
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda n: self.ask("/v1/embeddings", {"input": ["a"] * n}), range(1, 7)))
        self.assertEqual((self.service.most_at_once, self.service.largest_batch), (6, 6))

    def test_faults_pass(self):
        ask = {"input": ["green tea"]}
        right = {d["index"]: d["embedding"] for d in json.loads(self.ask("/v1/embeddings", ask)[1])["data"]}
        for options in ({"kind": "status", "status": 429, "retry_after": "2"}, {"kind": "status", "status": 503},
                        {"kind": "empty_body"}, {"kind": "json_body"}, {"kind": "reset"}, {"kind": "eof"}):
            with self.subTest(options):
                self.loop.run(self.service.set_fault, make_fault(options | {"times": 1}))
                try:
                    status, body = self.ask("/v1/embeddings", ask)
                    self.assertFalse(status == 200 and b'"data"' in body)
                except (http.client.HTTPException, ConnectionError):
                    pass
                self.assertEqual(self.ask("/v1/embeddings", ask)[0], 200)
        for options in ({"kind": "small_writes"}, {"kind": "delay_first", "ms": 30}, {"kind": "delay_headers", "ms": 30},
                        {"kind": "invalid_utf8"}, {"kind": "unknown_field"}, {"kind": "huge_line"}):
            with self.subTest(options):
                self.loop.run(self.service.set_fault, make_fault(options | {"times": 1}))
                body = json.loads(self.ask("/v1/embeddings", ask)[1].decode("utf-8", "replace"))
                self.assertEqual({d["index"]: d["embedding"] for d in body["data"]}, right)
        with self.assertRaises(TimeoutError):
            self.loop.run(self.service.set_fault, make_fault({"kind": "hang", "times": 1}))
            self.ask("/v1/embeddings", ask, timeout=0.2)
        self.assertEqual(self.service.server.errors, [])

    def test_vectors_have_length_1_and_are_the_same_for_the_same(self):
        for text in ("a", "  ", "한국어 문장", "tea " * 100):
            self.assertAlmostEqual(sum(v * v for v in vector_of(text)), 1.0, places=6)
            self.assertEqual(vector_of(text), vector_of(text))


if __name__ == "__main__":
    unittest.main(verbosity=2)
