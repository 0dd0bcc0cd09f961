#include "debug_leases.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "control_desk.hpp"
#include "json/json.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {

constexpr int kReadyNumber = 3, kLifelineNumber = 4;  // in a stage, see StageLauncher
constexpr Nanos kClientEndsTool = 3 * kSecond;

std::uint32_t pid_on_page(const Instance& instance, std::string_view program) {
  const ipc::Board& board = instance.segments->board();
  const int index = board.find(program);
  return index < 0 ? 0 : board.stage(static_cast<std::size_t>(index)).pid.load();
}

}  // namespace

DebugLeases::Lease& DebugLeases::open(const Client& client, Program& program) {
  const std::string& name = program.name();
  for (const auto& [other, lease] : leases_)
    if (lease.client == client) throw Error("this connection holds " + other + " already", 2);
  client->on_close([this, name] { end(name); });
  Lease& lease = leases_[name];
  lease.client = client;
  lease.client_start = instance_->sys.start_time(client->peer());
  return lease;
}

void DebugLeases::attach(const Client& client, Program& program) {
  const std::string& name = program.name();
  if (!has_process(program.state()) || program.pid() <= 0 || program.state() == State::kStopping ||
      program.state() == State::kEnding)
    throw Error(fmt::format("{} does not run ({}): prot debug {} --launch starts it in the debugger", name,
                            ipc::to_string(program.shown_state()), name));
  Lease& lease = open(client, program);
  lease.granted = true;
  program.attach(client->peer());
  host_->show(program);
  json::Writer reply;
  reply.begin_object().member("pid", program.pid()).member("generation", program.generation()).end_object();
  client->send(reply.str());
  host_->say(
      fmt::format("{} (process {}) is in a debugger of process {}", name, program.pid(), client->peer()));
}

void DebugLeases::launch(const Client& client, Program& program, bool wait) {
  if (!wire::is_stage(program.name()))
    throw Error(program.name() + " is no stage: only a running process of it can be debugged");
  Lease& lease = open(client, program);
  lease.launches = true;
  if (wait) {
    program.hold_next(client->peer());
    host_->say(fmt::format("the next process of {} is for a debugger of process {}", program.name(),
                           client->peer()));
  } else {
    program.hold(client->peer(), false);
  }
  on_time(instance_->clock.now());
}

void DebugLeases::hand_over(const std::string& name, Lease& lease, Program& program) {
  lease.granted = true;
  lease.pid_before = pid_on_page(*instance_, name);
  Pipe ready = make_pipe(O_NONBLOCK);
  Pipe lifeline = make_pipe();
  SpawnRequest request = program.next_launch().request;
  std::erase_if(request.files, [](const auto& file) {
    return file.second == kReadyNumber || file.second == kLifelineNumber;
  });
  request.files.emplace_back(ready.write.get(), kReadyNumber);
  request.files.emplace_back(lifeline.read.get(), kLifelineNumber);
  json::Writer reply;
  reply.begin_object().member("generation", program.generation()).member("path", request.path);
  reply.key("argv").begin_array();
  for (const std::string& text : request.argv) reply.value(text);
  reply.end_array().key("environment").begin_array();
  for (const std::string& text : request.environment) reply.value(text);
  reply.end_array().key("files").begin_array();
  std::vector<int> files;
  for (const auto& [file, number] : request.files) {
    reply.value(number);
    files.push_back(file);
  }
  reply.end_array().end_object();
  lease.ready = std::move(ready.read);
  lease.lifeline = std::move(lifeline.write);
  lease.ready_watch = instance_->loop.watch_readable(lease.ready.get(), [this, name] { read_ready(name); });
  host_->say(fmt::format("{} is started in a debugger of process {}", name, lease.client->peer()));
  lease.client->send(reply.str(), files);
}

void DebugLeases::note_process(const std::string& name, const Lease& lease, bool ready) {
  const std::uint32_t pid = pid_on_page(*instance_, name);
  Program* program = instance_->find(name);
  if (pid != 0 && pid != lease.pid_before && program != nullptr)
    program->held_process(static_cast<pid_t>(pid), ready);
  if (ready && program != nullptr) host_->show(*program);
}

void DebugLeases::read_ready(const std::string& name) {
  const auto found = leases_.find(name);
  if (found == leases_.end()) return;
  Lease& lease = found->second;
  std::array<char, 256> buffer;
  const ssize_t n = ::read(lease.ready.get(), buffer.data(), buffer.size());
  if (n < 0) return;
  const std::vector<std::string> lines =
      lease.ready_lines.take({buffer.data(), static_cast<std::size_t>(n)}, instance_->clock.now());
  if (n == 0 || lease.ready_lines.is_endless()) instance_->loop.unwatch(std::exchange(lease.ready_watch, 0));
  // Each time: a debugger may run it again.
  if (std::find(lines.begin(), lines.end(), ReadyLines::kReady) == lines.end()) return;
  note_process(name, lease, true);
  host_->say(
      fmt::format("{} ready in its debugger (generation {})", name, instance_->find(name)->generation()));
}

void DebugLeases::end(const std::string& name) {
  const auto found = leases_.find(name);
  Program* program = instance_->find(name);
  if (found == leases_.end() || program == nullptr) return;
  const Lease lease = std::move(found->second);
  leases_.erase(found);
  if (lease.ready_watch != 0) instance_->loop.unwatch(lease.ready_watch);
  if (instance_->phase == Phase::kEnded) return;
  if (lease.launches) {
    if (lease.granted) note_process(name, lease, false);
    return host_->joiner_gone(name);
  }
  host_->say(name + " is given back by its debugger");
  program->release();
  host_->show(*program);
}

void DebugLeases::give_back(const Client& client) {
  const auto found = std::find_if(leases_.begin(), leases_.end(),
                                  [&](const auto& entry) { return entry.second.client == client; });
  if (found == leases_.end()) throw Error("this connection holds no stage", 2);
  const std::string name = found->first;
  client->on_close(nullptr);
  end(name);
  const Program* program = instance_->find(name);
  json::Writer reply;
  reply.begin_object()
      .member("ok", true)
      .member("state", ipc::to_string(program->shown_state()))
      .member("generation", program->generation())
      .end_object();
  client->send(reply.str());
}

void DebugLeases::revoke(std::string_view program, const std::string& why) {
  const auto found = leases_.find(program);
  if (found == leases_.end() || found->second.kill_at != kNever) return;
  Lease& lease = found->second;
  lease.kill_at = instance_->clock.now() + kClientEndsTool;
  json::Writer message;
  if (lease.granted)
    message.begin_object().member("released", why).end_object();
  else
    message.begin_object().member("error", why).member("code", 1).end_object();
  lease.client->send(message.str());
}

void DebugLeases::on_drain() {
  std::vector<std::string> idle;
  for (const auto& [name, lease] : leases_) {
    const Program* program = instance_->find(name);
    if (program->pid() > 0 && program->ready())
      host_->say(
          fmt::format("{} (process {}) is in a debugger of process {}: it drains when you let it run, and "
                      "is killed when its time is over",
                      name, program->pid(), lease.client->peer()));
    else
      idle.push_back(name);
  }
  for (const std::string& name : idle) revoke(name, "the instance is stopping");
}

Nanos DebugLeases::next_deadline() const noexcept {
  Nanos next = kNever;
  for (const auto& [name, lease] : leases_) next = std::min(next, lease.kill_at);
  return next;
}

void DebugLeases::on_time(Nanos now) {
  if (instance_->phase == Phase::kEnded) return;
  std::vector<std::string> names;
  for (const auto& [name, lease] : leases_) names.push_back(name);
  for (const std::string& name : names) {
    const auto found = leases_.find(name);
    if (found == leases_.end()) continue;
    Lease& lease = found->second;
    Program& program = *instance_->find(name);
    if (lease.kill_at <= now) {
      lease.kill_at = now + kClientEndsTool;
      const Client client = lease.client;
      if (instance_->sys.start_time(client->peer()) != lease.client_start) {
        client->close();  // a child that it left keeps the connection open
        continue;
      }
      // Its debugger dies with it, and lets the process go.
      instance_->sys.signal_process(client->peer(), SIGKILL);
    }
    if (instance_->phase == Phase::kStopping) revoke(name, "the instance is stopping");
    if (!lease.launches && program.state() == State::kStopping) revoke(name, name + " is stopped");
    if (lease.granted || lease.kill_at != kNever) continue;
    try {
      if (program.state() == State::kHeld)
        hand_over(name, lease, program);
      else if (!program.wanted() || instance_->phase >= Phase::kDraining)
        revoke(name, name + " is stopped");
    } catch (const Error& e) {
      revoke(name, e.what());
    }
  }
}

}  // namespace prot::supervisor
