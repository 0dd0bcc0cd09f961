#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control_server.hpp"
#include "debug_leases.hpp"
#include "instance.hpp"
#include "json/json.hpp"

namespace prot::supervisor {

using Client = std::shared_ptr<ControlServer::Connection>;

/// What memory did with its jobs, and what is left for the next start; -1: there is no account, nor was any
/// memory lost.
struct DrainAccount {
  long drained = -1;
  long deferred = -1;
  bool unknown = false;  // memory was lost before it gave any
};

/// What clients may ask the supervisor to do.
class DeskHost {
 public:
  virtual ~DeskHost() = default;
  /// As a signal does: first a drain, second a hurried drain, third a kill.
  virtual void ask_to_stop() = 0;
  /// Replies are cut, memories are still stored.
  virtual void hurry() = 0;
  /// The developer's process in a stage's place is gone.
  virtual void joiner_gone(const std::string& program) = 0;
  /// What others are shown of it has changed.
  virtual void show(const Program& program) = 0;
  virtual void say(const std::string& line) = 0;
};

/// control.sock: takes requests, hands each to its command (control_commands.cpp has the table), and answers
/// later those that wait for something. Single-threaded, never blocks.
class ControlDesk {
 public:
  /// A client whose answer comes when something has happened.
  struct Waiter {
    Client client;
    Nanos deadline = 0;
    std::string program;                             // that it waits for; "": the whole instance
    std::string_view kind;                           // "ready", "held", ...: a literal
    std::function<bool()> met;                       // it has happened
    std::function<void(const Client&)> answer = {};  // instead of {"ok":true}
    std::function<std::string()> failure = {};       // why it never will; "": it still may
    std::function<std::string()> late = {};          // what to say at the deadline
    bool polls = false;                              // nothing wakes us when it happens: look often
  };

  ControlDesk(Instance& instance, DeskHost& host)
      : instance_(&instance), host_(&host), leases_(instance, host) {}

  /// Listens at `path`. Throws Error.
  void open(const std::string& path);
  [[nodiscard]] Instance& instance() noexcept { return *instance_; }
  [[nodiscard]] DeskHost& host() noexcept { return *host_; }
  [[nodiscard]] DebugLeases& leases() noexcept { return leases_; }

  /// Throws Error: its client waits for too much already.
  void wait(Waiter waiter);
  [[nodiscard]] bool is_waiting(std::string_view program, std::string_view kind) const;
  void answer_waiters(Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept;

  /// The client's process takes the place of `program`, until its connection ends. Throws Error: it holds
  /// something already, or could not wait for that.
  void hold(const Client& client, const std::string& program);
  /// Now, whoever keeps the connection open. False: nobody holds it.
  bool end_hold(std::string_view program);

  /// The client is told of the drain, line by line, and gets the account at its end.
  void follow_drain(const Client& client);
  void tell_progress(const std::string& line);
  void spread_line(const std::string& program, const std::string& line);
  /// The run is over: nobody can connect any more.
  void stop_listening();
  /// The last answers.
  void end(const DrainAccount& account);

 private:
  void handle(const Client& client, const std::string& request);
  void require_patience(const Client& client) const;

  Instance* instance_;
  DeskHost* host_;
  DebugLeases leases_;
  std::unique_ptr<ControlServer> server_;
  std::vector<Waiter> waiters_;
  std::vector<Client> down_clients_;
  std::map<std::string, Client, std::less<>> joiners_;  // by program
};

/// One command of control.sock; throws Error, which is its answer.
using ControlHandler = void (*)(ControlDesk& desk, const Client& client, const json::View& request);
struct ControlCommand {
  std::string_view name;
  ControlHandler handler;
};
[[nodiscard]] const ControlCommand* find_control_command(std::string_view name) noexcept;

// The commands, each in the file of its noun.
void control_status(ControlDesk& desk, const Client& client, const json::View& request);
void control_down(ControlDesk& desk, const Client& client, const json::View& request);
void control_missing(ControlDesk& desk, const Client& client, const json::View& request);
void control_wait(ControlDesk& desk, const Client& client, const json::View& request);
void control_start(ControlDesk& desk, const Client& client, const json::View& request);
void control_stop(ControlDesk& desk, const Client& client, const json::View& request);
void control_restart(ControlDesk& desk, const Client& client, const json::View& request);
void control_join(ControlDesk& desk, const Client& client, const json::View& request);
void control_reload(ControlDesk& desk, const Client& client, const json::View& request);
void control_debug(ControlDesk& desk, const Client& client, const json::View& request);
void control_release(ControlDesk& desk, const Client& client, const json::View& request);
void control_logs(ControlDesk& desk, const Client& client, const json::View& request);
void control_log_level(ControlDesk& desk, const Client& client, const json::View& request);

inline constexpr Nanos kControlAnswerWithin = 150 * kSecond;
inline constexpr int kControlFailure = 1, kControlUsage = 2, kControlUnknownStage = 4, kControlTimeout = 5;

/// The program that a request names. Throws Error: there is none, or the instance is stopping.
[[nodiscard]] Program& program_of(ControlDesk& desk, const json::View& request);
/// Likewise, and a developer has it: not the supervisor's to start and stop.
[[nodiscard]] Program& free_program_of(ControlDesk& desk, const json::View& request);

}  // namespace prot::supervisor
