#include "empty_run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/error.hpp"
#include "wire/topology.hpp"

namespace prot::bench {
namespace {

constexpr const char* kRunId = "run1";

std::string segment(const std::string& instance, const std::string& ring) {
  return ipc::segment_name(instance, kRunId, ring);
}

void make_pipe(UniqueFd& reader, UniqueFd& writer) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw errno_error("cannot make a pipe");
  reader = UniqueFd(fds[0]);
  writer = UniqueFd(fds[1]);
}

std::string inheritable(int fd) {
  (void)::fcntl(fd, F_SETFD, 0);
  return std::to_string(fd);
}

}  // namespace

EmptyRun::EmptyRun() : instance_("bench-" + std::to_string(::getpid())) {
  for (const std::string_view name : wire::kDrainOrder) bells_.emplace(name, ipc::Doorbell::create());
  make_pipe(ready_reader_, ready_writer_);
  make_pipe(lifeline_reader_, lifeline_writer_);
  board_.emplace(ipc::Board::create(instance_, kRunId, {wire::kPrograms.begin(), wire::kPrograms.end()}));
  for (auto* ring : {&mic_, &transcript_}) {
    ipc::RingSpec spec = wire::spec_of(*wire::find_ring(ring == &mic_ ? "mic" : "transcript"));
    spec.policy = ipc::Policy::kBlock;
    ring->emplace(ipc::RingSegment::create(segment(instance_, spec.name), spec, kRunId));
  }
  for (const wire::RingInfo* info : wire::inputs_of("stt")) {
    if (info->name == "mic") continue;
    const ipc::RingSpec spec = wire::spec_of(*info);
    silent_.push_back(ipc::RingSegment::create(segment(instance_, spec.name), spec, kRunId));
  }
}

EmptyRun::~EmptyRun() {
  if (pid_ > 0) kill_now();
  for (const char* name : {"board", "transcript"}) ipc::unlink_segment(segment(instance_, name));
  for (const wire::RingInfo* info : wire::inputs_of("stt"))
    ipc::unlink_segment(segment(instance_, std::string(info->name)));
}

void EmptyRun::spawn() {
  ++generation_;
  mic_->supervisor_page()->consumer_generation.store(generation_);
  for (ipc::RingSegment& ring : silent_) ring.supervisor_page()->consumer_generation.store(generation_);
  transcript_->supervisor_page()->producer_generation.store(generation_);
  const int parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw errno_error("cannot fork");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  become();
}

void EmptyRun::become() {
  std::string bells;
  for (const auto& [name, bell] : bells_)
    bells += fmt::format("{}{}={}", bells.empty() ? "" : ",", name, inheritable(bell.fd()));
  ::setenv("PROT_INSTANCE", instance_.c_str(), 1);
  ::setenv("PROT_RUN", kRunId, 1);
  ::setenv("PROT_GENERATION", std::to_string(generation_).c_str(), 1);
  ::setenv("PROT_READY_FD", inheritable(ready_writer_.get()).c_str(), 1);
  ::setenv("PROT_LIFELINE_FD", inheritable(lifeline_reader_.get()).c_str(), 1);
  ::setenv("PROT_BELLS", bells.c_str(), 1);
  ::setenv("PROT_CONFIG", "", 1);
  ::setenv("PROT_SET", "general.log_level=error", 1);
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "empty_stage";
  ::execl(program.c_str(), program.c_str(), static_cast<char*>(nullptr));
  ::_exit(127);
}

void EmptyRun::await_ready() {
  pollfd p{ready_reader_.get(), POLLIN, 0};
  for (int tries = 0; tries < 200; ++tries) {
    if (::poll(&p, 1, 100) > 0) {
      char buffer[64];
      if (::read(ready_reader_.get(), buffer, sizeof buffer) > 0) return;
    }
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      throw Error("the empty stage ended before it was ready");
    }
  }
  throw Error("the empty stage does not get ready");
}

void EmptyRun::kill_now() {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

ipc::Output& EmptyRun::feed() {
  if (!feed_)
    feed_.emplace(ipc::RingSegment::open(segment(instance_, "mic"), ipc::Role::kProducer), &bells_.at("stt"),
                  clock_);
  return *feed_;
}

ipc::Input& EmptyRun::results() {
  if (!results_)
    results_.emplace(ipc::RingSegment::open(segment(instance_, "transcript"), ipc::Role::kConsumer),
                     &bells_.at("stt"), clock_);
  return *results_;
}

void EmptyRun::await_result() {
  while (!results().has_data()) {
    results().arm();
    if (!results().changed()) {
      pollfd bell{results_bell().fd(), POLLIN, 0};
      if (::poll(&bell, 1, 20'000) <= 0) throw Error("the empty stage does not answer");
    }
    results().disarm();
    results_bell().clear();
  }
}

}  // namespace prot::bench
