"""An OpenAI-compatible model on the loopback that answers an extraction with one fact of each exchange that it is asked
about, ten milliseconds for each."""
import http.server
import json
import re
import threading
import time

ANSWER_AFTER_S = 0.01


class Model(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.calls = 0
        self.asked = 0  # exchanges
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """Whoever asked was killed: that is what is tested."""

    def close(self):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][-1]["content"]
        items = re.findall(r"^User: .*?(item\d+)", question, re.MULTILINE)
        with self.server.lock:
            self.server.calls += 1
            self.server.asked += len(items)
        time.sleep(ANSWER_AFTER_S * len(items))
        content = json.dumps({"facts": [{"subject": "user", "predicate": "owns", "object": item,
                                         "statement": f"The user owns {item}."} for item in items], "entities": []})
        body = json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
