// The same trivial child for every supervisor that is measured: it says when it reached main(), reports READY
// and waits. Linked statically: what is measured is the supervisor, not the dynamic linker. Named by its file
// (prot-stt), or by its working folder, which is what runit and s6 give it. What else it does is said by the
// environment, as to tests/supervisor/fixture_stage.cpp:
//   PROT_FIXTURE_STAMPS=file         fifo that gets "NAME PID NANOSECONDS" at main() and for every ping
//   PROT_FIXTURE_PINGS=folder        a byte out of the fifo NAME there is answered with a stamp
//   PROT_FIXTURE_CRASH=name[,name]   ends with 1 at once
//   PROT_FIXTURE_IGNORE=name         ignores TERM
//   PROT_FIXTURE_ORPHAN=name         leaves a child in its group that ignores TERM
// SIGUSR1 makes it spin without a heartbeat, as a livelock does.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/clock.hpp"
#include "ipc/board.hpp"

namespace {
using namespace prot;

ipc::StagePage* own_page = nullptr;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool meant(const char* order, const std::string& name) {
  return ("," + variable(order) + ",").find("," + name + ",") != std::string::npos;
}

std::string own_name(const char* argv0) {
  const char* slash = std::strrchr(argv0, '/');
  std::string file = slash != nullptr ? slash + 1 : argv0;
  if (file.starts_with("prot-")) return file.substr(5);
  char folder[4096] = {};
  if (::getcwd(folder, sizeof folder) == nullptr) return file;
  return std::strrchr(folder, '/') + 1;
}

Nanos now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

void stamp(int fd, const std::string& name, Nanos when) {
  const std::string line = name + " " + std::to_string(::getpid()) + " " + std::to_string(when) + "\n";
  if (fd >= 0 && ::write(fd, line.data(), line.size()) < 0) ::_exit(111);
}

// prot's watchdog wants a stage that sleeps to say so. By hand: a Board needs libraries.
ipc::StagePage* page_of(const std::string& name) {
  const std::string file =
      "/dev/shm/prot." + variable("PROT_INSTANCE") + "." + variable("PROT_RUN") + ".board";
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* mapped = ::mmap(nullptr, ipc::kBoardSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (mapped == MAP_FAILED) return nullptr;
  const auto* header = static_cast<const ipc::BoardHeader*>(mapped);
  for (std::size_t i = 0; i < header->program_count && i < ipc::kMaxPrograms; ++i)
    if (name == header->programs[i])
      return reinterpret_cast<ipc::StagePage*>(static_cast<std::byte*>(mapped) + ipc::kPage * (4 + i));
  return nullptr;
}

[[noreturn]] void spin(int) {
  if (own_page != nullptr) {
    own_page->heartbeat_ns.store(static_cast<std::uint64_t>(now()));
    own_page->asleep.store(0);
  }
  std::atomic<unsigned> turns = 0;
  for (;;) turns.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

int main(int, char** argv) {
  const Nanos born = now();
  const std::string name = own_name(argv[0]);
  const std::string stamps = variable("PROT_FIXTURE_STAMPS");
  const int out = stamps.empty() ? -1 : ::open(stamps.c_str(), O_WRONLY | O_CLOEXEC);
  stamp(out, name, born);
  if (meant("PROT_FIXTURE_CRASH", name)) return 1;
  if (meant("PROT_FIXTURE_ORPHAN", name) && ::fork() == 0) {
    std::signal(SIGTERM, SIG_IGN);
    for (;;) ::pause();
  }
  if (meant("PROT_FIXTURE_IGNORE", name)) std::signal(SIGTERM, SIG_IGN);
  if (!variable("PROT_RUN").empty()) own_page = page_of(name);
  if (own_page != nullptr) {
    own_page->heartbeat_ns.store(static_cast<std::uint64_t>(now()));
    own_page->asleep.store(1);
  }
  std::signal(SIGUSR1, spin);
  const int ready = std::atoi(variable("PROT_READY_FD").c_str());
  if (ready > 2 && ::write(ready, "READY=1\n", 8) != 8) return 112;
  const std::string pings = variable("PROT_FIXTURE_PINGS");
  const int in = pings.empty() ? -1 : ::open((pings + "/" + name).c_str(), O_RDWR | O_CLOEXEC);
  char byte = 0;
  while (in >= 0 && ::read(in, &byte, 1) == 1) stamp(out, name, now());
  for (;;) ::pause();
}
