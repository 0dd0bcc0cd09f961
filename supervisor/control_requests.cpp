// What control.sock can ask the supervisor for (doc/developer.md lists the commands).
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "json/json.hpp"
#include "supervisor.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {

constexpr Nanos kAnswerWithin = 150 * kSecond;
constexpr std::size_t kMostLogLines = 5000;

enum ExitCode { kFailure = 1, kUsage = 2, kUnknownStage = 4, kTimeout = 5 };

std::string engine_of(const ipc::StagePage& page) {
  return {page.engine, ::strnlen(page.engine, sizeof page.engine)};
}

// How long the newest process took from its start to READY; -1: it is not ready (yet).
std::int64_t ready_ms(const ipc::Board& board, int index) {
  if (index < 0) return -1;
  const ipc::ProgramEntry& entry = board.supervisor().programs[index];
  const auto started = static_cast<Nanos>(entry.started_ns.load());
  const auto ready = static_cast<Nanos>(entry.ready_ns.load());
  return ready >= started && ready != 0 ? (ready - started) / kMillisecond : -1;
}

}  // namespace

void Supervisor::handle(const std::shared_ptr<ControlServer::Connection>& client,
                        const std::string& request) {
  try {
    const json::Document document = json::parse(request);
    const json::View root = document.root();
    const std::string command(root.get("cmd").as_string());
    const std::string name(root.get("stage").as_string());
    if (command == "status") return client->send(status());
    if (command == "down") {
      down_clients_.push_back(client);
      if (phase_ <= Phase::kRunning) ask_to_stop();
      if (root.get("now").as_bool()) drain_.press(clock_->now());
      return;
    }
    if (command == "logs")
      return handle_logs(client, name,
                         static_cast<std::size_t>(std::max<std::int64_t>(0, root.get("lines").as_int(50))),
                         root.get("follow").as_bool());
    if (command == "wait") {
      if (root.get("for").as_string() != "ready") return client->send_error("wait: only 'ready'", kUsage);
      waiters_.push_back({client, WaitFor::kAllReady, "", 0,
                          clock_->now() + root.get("timeout_ms").as_int(60000) * kMillisecond});
      return;
    }
    for (const char* known : {"restart", "start", "stop", "join"})
      if (command == known) return handle_program(client, command, name);
    client->send_error("unknown command '" + command + "'", kUsage);
  } catch (const Error& e) {
    client->send_error(e.what(), e.exit_code());
  }
}

void Supervisor::handle_program(const std::shared_ptr<ControlServer::Connection>& client,
                                const std::string& command, const std::string& name) {
  Program* program = find(name);
  if (program == nullptr) {
    std::string known;
    for (const auto& p : programs_) known += " " + p->name();
    return client->send_error("there is no stage '" + name + "'; there are:" + known, kUnknownStage);
  }
  if (phase_ >= Phase::kDraining) return client->send_error("the instance is stopping", kFailure);
  if (command == "join") return handle_join(client, *program);
  if (program->state() == State::kHeld)
    return client->send_error(fmt::format("{} is held by process {}", name, program->pid()), kFailure);
  const std::uint32_t generation = program->generation();
  const Nanos deadline = clock_->now() + kAnswerWithin;
  if (command == "stop") {
    waiters_.push_back({client, WaitFor::kGone, name, 0, deadline});
    program->stop();
  } else if (command == "restart") {
    waiters_.push_back({client, WaitFor::kReady, name, generation, deadline});
    program->restart();
  } else {
    waiters_.push_back({client, WaitFor::kReady, name, 0, deadline});
    program->start();
  }
}

void Supervisor::handle_join(const std::shared_ptr<ControlServer::Connection>& client, Program& program) {
  if (!wire::is_stage(program.name()))
    return client->send_error(program.name() + " is no stage: it cannot be joined", kUnknownStage);
  if (program.state() == State::kHeld)
    return client->send_error(fmt::format("{} is held by process {}", program.name(), program.pid()),
                              kFailure);
  const bool asked = std::any_of(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) {
    return waiter.what == WaitFor::kHeld && waiter.program == program.name();
  });
  if (asked) return client->send_error(program.name() + " is being taken by somebody else", kFailure);
  waiters_.push_back({client, WaitFor::kHeld, program.name(), 0, clock_->now() + kAnswerWithin});
  // The connection is the sign that the joiner lives.
  client->on_close([this, name = program.name()] {
    Program* held = find(name);
    if (held == nullptr || phase_ == Phase::kEnded) return;
    segments_->ring_neighbours(name, run_);
    // It has handed the end of the stream on, else its input would still hold it.
    if (phase_ == Phase::kDraining && !segments_->input_pending(name)) {
      segments_->set_closed(name, true);
      drain_.on_drained(name, clock_->now());
    }
    say(name + " is given back by its developer");
    held->release();
  });
  program.hold(client->peer());
}

void Supervisor::answer_join(Waiter& waiter) {
  const Program* program = find(waiter.program);
  json::Writer reply;
  reply.begin_object()
      .member("run", run_.run_id)
      .member("generation", program->generation())
      .member("config", run_.config_file)
      .key("set")
      .begin_array();
  for (const std::string& item : run_.overrides) reply.value(item);
  reply.end_array().key("bells").begin_array();
  std::vector<int> fds;
  for (const auto& [name, bell] : run_.bells) {
    reply.value(name);
    fds.push_back(bell.fd());
  }
  reply.end_array().end_object();
  waiter.client->send(reply.str(), fds);
  say(fmt::format("{} is held by process {}", waiter.program, program->pid()));
}

void Supervisor::handle_logs(const std::shared_ptr<ControlServer::Connection>& client,
                             const std::string& program, std::size_t lines, bool follow) {
  if (!program.empty() && program != "supervisor" && find(program) == nullptr)
    return client->send_error("there is no stage '" + program + "'", kUnknownStage);
  for (const auto& [name, line] : logs_->tail(program, std::min(lines, kMostLogLines))) {
    json::Writer out;
    out.begin_object().member("line", line).member("stage", name).end_object();
    client->send(out.str());
  }
  client->follows = follow;
  client->followed = program;
  if (!follow) client->finish();
}

void Supervisor::answer_waiters(Nanos now) {
  std::vector<Waiter> left;
  for (Waiter& waiter : std::exchange(waiters_, {})) {
    if (waiter.client->closed()) continue;
    const Program* program = find(waiter.program);
    bool met = false;
    std::string failure;
    switch (waiter.what) {
      case WaitFor::kAllReady:
        met = phase_ == Phase::kRunning && all_ready();
        break;
      case WaitFor::kReady:
        met = program->state() == State::kReady && program->generation() > waiter.after_generation;
        if (program->state() == State::kFailed)
          failure = program->name() + " cannot run: " + program->last_error();
        break;
      case WaitFor::kGone:
        met = program->gone() && !program->wanted();
        break;
      case WaitFor::kHeld:
        met = program->state() == State::kHeld;
        break;
    }
    const bool stopping = phase_ >= Phase::kDraining && !met;
    if (met && waiter.what == WaitFor::kHeld) {
      answer_join(waiter);
    } else if (met) {
      waiter.client->send(R"({"ok":true})");
    } else if (!failure.empty() || stopping) {
      waiter.client->send_error(failure.empty() ? "the instance is stopping" : failure, kFailure);
    } else if (waiter.deadline <= now) {
      std::string missing;
      for (const auto& p : programs_)
        if (!p->ready() && (waiter.program.empty() || waiter.program == p->name()))
          missing +=
              fmt::format("{}{} ({})", missing.empty() ? "" : ", ", p->name(), ipc::to_string(p->state()));
      waiter.client->send_error("not ready in time: " + missing, kTimeout);
    } else {
      left.push_back(std::move(waiter));
    }
  }
  waiters_.insert(waiters_.end(), std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
}

const char* Supervisor::state_name() const {
  if (phase_ == Phase::kStarting) return "starting";
  if (phase_ >= Phase::kDraining) return "draining";
  return all_ready() ? "ready" : "degraded";
}

std::string Supervisor::status() const {
  const Nanos now = clock_->now();
  const ipc::Board& board = segments_->board();
  json::Writer out;
  out.begin_object()
      .member("instance", run_.paths.instance)
      .member("state", state_name())
      .member("turn", board.conversation().voice_turn.load())
      .member("run", run_.run_id)
      .member("conversation",
              ipc::to_string(static_cast<ipc::ConversationState>(board.conversation().state.load())))
      .key("supervisor")
      .begin_object()
      .member("pid", board.supervisor().pid.load())
      .member("uptime_ms", (now - begun_at_) / kMillisecond)
      .end_object();
  out.key("stages").begin_array();
  for (const auto& program : programs_) {
    const int index = board.find(program->name());
    const bool runs = program->pid() > 0;
    const ProcessUsage usage = runs ? sys_->usage(program->pid()) : ProcessUsage{};
    out.begin_object()
        .member("name", program->name())
        .member("pid", runs ? program->pid() : 0)
        .member("state", ipc::to_string(program->state()))
        .member("generation", program->generation())
        .member("restarts", program->restarts())
        .member("uptime_ms", runs ? (now - program->started_at()) / kMillisecond : 0)
        .member("ready_ms", ready_ms(board, index))
        .member("last_exit", program->last_exit())
        .member("rss_bytes", usage.rss_bytes)
        .member("cpu_ms", usage.cpu_ms)
        .member("engine", index < 0 ? std::string() : engine_of(board.stage(static_cast<std::size_t>(index))))
        .end_object();
  }
  out.end_array().key("rings").begin_array();
  for (std::size_t i = 0; i < segments_->rings().size(); ++i) {
    const wire::RingInfo& ring = wire::kRings[i];
    const ipc::RingMemory& memory = segments_->rings()[i].memory();
    const std::uint64_t head = memory.consumer->head.load();
    const std::uint64_t tail = memory.producer->tail.load();
    out.begin_object()
        .member("name", ring.name)
        .member("from", ring.producer)
        .member("to", ring.consumer)
        .member("used_bytes", tail - std::min(head, tail))
        .member("capacity_bytes", ring.capacity)
        .member("high_water_bytes", memory.producer->high_water_bytes.load())
        .member("frames", memory.producer->frames.load())
        .member("drops", memory.producer->drops.load())
        .member("poison_frames", memory.supervisor->poison_frames.load())
        .member("late_wakes", memory.producer->late_wakes.load() + memory.consumer->late_wakes.load())
        .end_object();
  }
  return out.end_array().end_object().str();
}

}  // namespace prot::supervisor
