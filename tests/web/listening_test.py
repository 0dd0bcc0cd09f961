"""Where prot-web listens: on its port and on its socket, each by itself."""
import os
import pathlib
import socket
import unittest

from web_instance import LIMIT, WebInstance, wait_for, wait_for_web


class Listening(unittest.TestCase):
    def test_a_port_that_is_taken_keeps_nobody_waiting_and_is_tried_again(self):
        with WebInstance() as prot, socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", prot.port))
            other.listen()
            prot.up()
            wait_for("its reason", lambda: "cannot listen" in prot.stage("web")["status"], LIMIT)
            self.assertEqual(prot.stage("web")["state"], "ready")
            self.assertEqual((prot.answer("/health", by_socket=True) or (0,))[0], 200)  # its socket is not the port's affair
            other.close()
            wait_for_web("it serves", lambda: prot.page("/health")["status"] == "ok")
            wait_for("nothing to say", lambda: prot.stage("web")["status"] == "", LIMIT)
            self.assertEqual(prot.answer("/health", by_socket=True)[0], 200)

    def test_a_socket_that_is_taken_leaves_the_port_alone(self):
        with WebInstance() as prot, socket.socket(socket.AF_UNIX) as other:
            prot.runtime.mkdir(parents=True, mode=0o700)
            other.bind(str(prot.socket))
            other.listen()
            prot.up()
            wait_for("its reason", lambda: "in use" in prot.stage("web")["status"], LIMIT)
            wait_for_web("it has found the run", lambda: prot.page("/health")["status"] == "ok")
            other.close()
            wait_for_web("it serves", lambda: (prot.answer("/health", by_socket=True) or (0,))[0] == 200)

    def test_by_its_socket_alone_nobody_listens_on_the_network(self):
        with WebInstance(web=["web.port=0"]) as prot:
            prot.up()
            wait_for_web("it serves", lambda: prot.page("/health", by_socket=True)["status"] == "ok")
            held = {os.readlink(file) for file in pathlib.Path(f"/proc/{prot.pids()['web']}/fd").iterdir()}
            on_the_network = [line.split()[9] for name in ("tcp", "tcp6")
                              for line in pathlib.Path("/proc/net", name).read_text().splitlines()[1:]]
            self.assertEqual([inode for inode in on_the_network if f"socket:[{inode}]" in held], [])
            self.assertIsNone(prot.answer("/health"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
