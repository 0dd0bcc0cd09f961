// chat.sock: lines of a client to brain, and of prot-web's /chat on both of its sides. Every line is a
// request or is answered with an error; what prot-web passes on, brain understands.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "brain/chat_server.hpp"
#include "stage/control.hpp"
#include "tests/fuzz/fuzz_support.hpp"
#include "web/chat_rooms.hpp"

using namespace prot;
using namespace prot::fuzz;
using brain::ChatRequest;

namespace {

/// A folder for one socket, for the whole run.
class Folder {
 public:
  Folder() {
    const char* temporary = std::getenv("TMPDIR");
    std::string name = std::string(temporary != nullptr ? temporary : "/tmp") + "/fuzz-XXXXXX";
    require(::mkdtemp(name.data()) != nullptr, "there is a folder");
    path_ = name;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string socket() const { return path_ + "/chat.sock"; }

 private:
  std::string path_;
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1))
    if (text.substr(0, end).find_first_not_of(" \t\r") != std::string_view::npos)
      lines.push_back(text.substr(0, end));
  return lines;
}

void poll(stage::EventLoop& loop) {
  for (int i = 0; i < 8 && loop.poll(); ++i) {
  }
}

std::string received(int fd) {
  std::string all;
  char buffer[16384];
  for (ssize_t n = 0; (n = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
    all.append(buffer, static_cast<std::size_t>(n));
  return all;
}

void check(const ChatRequest& request) {
  require(
      utf8::is_valid(request.content) && utf8::is_valid(request.id) && utf8::is_valid(request.conversation),
      "a request is text");
  require(request.client != 0, "a request is somebody's");
}

/// Of a client that speaks with brain itself.
void check_server(std::string_view text, const std::string& path) {
  stage::EventLoop loop;
  brain::ChatServer server(loop);
  server.start(path);
  UniqueFd client = stage::connect_unix(path);
  std::size_t requests = 0;
  std::size_t gone = 0;
  std::string answers;
  const auto turn = [&] {
    poll(loop);
    for (const ChatRequest& request : server.take()) {
      check(request);
      request.kind == ChatRequest::Kind::kGone ? ++gone : ++requests;
    }
    if (client) answers += received(client.get());
  };
  in_pieces(text, Split::kAny, [&](std::string_view piece) {
    (void)::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    turn();
  });
  turn();
  const std::vector<std::string_view> errors = lines_of(answers);
  require(answers.empty() || answers.ends_with('\n'), "answers are whole lines");
  for (const std::string_view error : errors)
    require(json::parse(error).get("type").as_string() == "error", "what is answered here is an error");
  require(requests + errors.size() == lines_of(text).size(), "every line is a request or an error");
  client.reset();
  turn();
  turn();
  require(gone == 1, "that a client has gone is told once");
  require(server.clients() == 0, "nobody is left");
}

/// Of a browser, whose lines are messages of its WebSocket, and of a brain that says the same lines.
void check_rooms(std::string_view text, const std::string& path) {
  constexpr http::ConnectionId kRoom = 1;
  stage::EventLoop loop;
  brain::ChatServer server(loop);
  server.start(path);
  web::ChatRooms rooms(loop, path, [](http::ConnectionId, const std::string& line) {
    require(is_json(line), "a browser gets JSON");
  });
  rooms.open(kRoom, kSecond);
  brain::ClientId room = 0;
  Nanos now = kSecond;
  for (const std::string_view line : lines_of(text)) {
    rooms.hear(kRoom, line, now);
    poll(loop);
    for (const ChatRequest& request : server.take()) {
      check(request);
      if (request.kind != ChatRequest::Kind::kGone) room = request.client;
      if (request.kind == ChatRequest::Kind::kMessage)
        require(!request.id.empty(), "a message can be sent again");
    }
    if (room != 0) server.send(room, line);
    poll(loop);
    (void)rooms.pump(now += kMillisecond);
    require(rooms.size() == 1, "the room stays");
  }
  server.stop();
  for (int i = 0; i < 3; ++i) {
    poll(loop);
    (void)rooms.pump(now += 20 * kSecond);
  }
  rooms.gone(kRoom);
  require(rooms.size() == 0 && rooms.next_deadline() == kNever, "the room is gone");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  be_silent();
  static const Folder folder;
  const std::string_view text = text_of(data, size);
  check_server(text, folder.socket());
  check_rooms(text, folder.socket());
  return 0;
}
