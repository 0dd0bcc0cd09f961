"""A language model that says what the test decides: brain's answers word by word, memory's facts, each of them held back
for as long as the test likes. It sees who hangs up early."""
import contextlib
import http.server
import json
import select
import socket
import threading
import time

HANG = 10.0  # s, of a question that is held


class FalseModel(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.hold_facts = False    # questions of memory hang
        self.fail_facts = False    # or are answered with nonsense
        self.hold_replies = False  # an answer to a person stops behind its first word
        self.words = "I have noted it."  # of an answer, behind its first
        self.go_on = threading.Event()
        self.lock = threading.Lock()
        self.asked = {"facts": 0, "reply": 0}
        self.hung_up = {"facts": 0, "reply": 0}  # the client, before it had its answer
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def count(self, table, kind):
        with self.lock:
            table[kind] += 1

    def close(self):
        self.go_on.set()
        self.shutdown()
        self.server_close()


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # noqa: N802
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = self.server
        kind = "facts" if "response_format" in request else "reply"
        if request.get("max_tokens", 2) > 1:  # else brain only warms the cache
            model.count(model.asked, kind)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            (self.facts if kind == "facts" else self.reply)(model, request)

    def facts(self, model, request):
        if model.hold_facts and not self.held("facts"):
            return
        words = request["messages"][-1]["content"]
        said = words.split("User: ", 1)[-1].splitlines()[0].split()  # "My cat is Tom."
        fact = {"subject": "user", "predicate": said[1], "object": said[-1].rstrip("."),
                "statement": f"The user's {' '.join(said[1:])}"}
        content = "no JSON" if model.fail_facts else json.dumps({"facts": [fact], "entities": []})
        self.head("application/json")
        self.wfile.write(json.dumps({"choices": [{"message": {"content": content}}]}).encode())

    def reply(self, model, request):
        self.head("text/event-stream")
        self.piece("Certainly. ")
        if model.hold_replies and request.get("max_tokens", 2) > 1 and not self.held("reply"):
            return
        self.piece(model.words, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def head(self, kind):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()

    def piece(self, text, reason=None):
        choice = {"delta": {"content": text}, "finish_reason": reason}
        self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
        self.wfile.flush()

    def held(self, kind):
        """Until the test says go on, or the time is over. False: the client has hung up."""
        until = time.monotonic() + HANG
        while time.monotonic() < until and not self.server.go_on.is_set():
            if select.select([self.connection], [], [], 0.01)[0]:
                with contextlib.suppress(ConnectionResetError):
                    if self.connection.recv(1, socket.MSG_PEEK):
                        continue
                self.server.count(self.server.hung_up, kind)
                return False
        return True

    def log_message(self, *_):
        pass
