// An instance without stages, for tests of prot-top from outside: this process plays the supervisor and both
// ends of every ring.
//
// usage: scene INSTANCE
// Reads orders from stdin, one a line, and answers each with "ok":
//   traffic N                  from now on N frames in each millisecond through every ring
//   publish RING COUNT BYTES   frames that stay in the ring; take RING: the next one is in hand
//   stage NAME STATE           number of the state, with this process's pid
//   restart                    ends this run and begins the next
//   version RING|board N       writes another major version into a header
//   leave                      ends as a killed supervisor does: the segments stay
// The end of stdin ends it in order.
#include <fmt/format.h>
#include <poll.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/error.hpp"
#include "test_instance.hpp"

namespace {
using namespace prot;
using namespace prot::top::test;

constexpr const char* kRings[] = {"mic", "transcript", "playback"};

class Scene {
 public:
  explicit Scene(const std::string& name) : name_(name) { begin(); }

  void step() {
    const Nanos now = monotonic_now();
    instance_->supervisor.supervisor().heartbeat_ns.store(static_cast<std::uint64_t>(now));
    for (const char* ring : kRings) {
      for (int i = 0; i < traffic_; ++i) {
        if (instance_->ring(ring).publish(std::string(100, 'x'), now) != ipc::PublishResult::kOk)
          throw Error("scene: the ring is full");
        static_cast<void>(instance_->ring(ring).pass_on(monotonic_now()));
      }
    }
  }

  bool obey(const std::string& line) {  // false: leave
    std::istringstream words(line);
    std::string order;
    std::string name;
    long count = 0;
    std::size_t bytes = 0;
    words >> order;
    if (order == "leave") {
      instance_->leave();
      return false;
    }
    if (order == "traffic") words >> traffic_;
    if (order == "restart") {
      instance_.reset();
      begin();
    }
    if (order == "publish") {
      words >> name >> count >> bytes;
      for (; count > 0; --count)
        if (instance_->ring(name).publish(std::string(bytes, 'p'), monotonic_now(), 20, 7) !=
            ipc::PublishResult::kOk)
          throw Error("scene: the ring is full");
    }
    if (order == "take") {
      words >> name;
      static_cast<void>(instance_->ring(name).take(monotonic_now()));
    }
    if (order == "stage") {
      words >> name >> count;
      instance_->start(name, static_cast<std::uint32_t>(::getpid()), monotonic_now());
      instance_->program(name).state.store(static_cast<std::uint32_t>(count));
    }
    if (order == "version") {
      words >> name >> count;
      std::fstream file("/dev/shm" + instance_->segment(name),
                        std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(8);
      file.put(static_cast<char>(count)).flush();
      if (!file) throw Error("scene: cannot write the version");
    }
    return true;
  }

 private:
  void begin() {
    instance_.emplace(name_, fmt::format("run{}", ++runs_));
    for (const char* stage : {"capture", "stt", "brain", "player"})
      instance_->start(stage, static_cast<std::uint32_t>(::getpid()), monotonic_now());
    ipc::Board board = instance_->board_of("stt");
    board.counter(static_cast<std::size_t>(board.find("stt")), "decodes").store(42);
  }

  std::string name_;
  std::optional<TestInstance> instance_;
  int traffic_ = 0;
  int runs_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    Scene scene(argv[1]);
    std::puts("ok");
    std::fflush(stdout);
    pollfd input{0, POLLIN, 0};
    std::string orders;
    for (;;) {
      if (::poll(&input, 1, 1) > 0) {
        char bytes[4096];
        const ssize_t size = ::read(0, bytes, sizeof bytes);
        if (size <= 0) return 0;
        orders.append(bytes, static_cast<std::size_t>(size));
      }
      for (std::size_t end = orders.find('\n'); end != std::string::npos; end = orders.find('\n')) {
        if (!scene.obey(orders.substr(0, end))) return 0;
        orders.erase(0, end + 1);
        std::puts("ok");
        std::fflush(stdout);
      }
      scene.step();
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
