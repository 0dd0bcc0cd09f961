#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "control_server.hpp"
#include "instance.hpp"
#include "ready_lines.hpp"

namespace prot::supervisor {

class DeskHost;

/// Who has which program in a debugger (prot debug). A lease is a client's connection: it begins with the
/// request and ends with the connection, whatever ends that; then the program goes on, or is started again.
/// Two kinds: a debugger on the running process, and a process that the debugger starts in the stage's place,
/// for which the supervisor lends everything that it would have started one with. Single-threaded.
class DebugLeases {
 public:
  using Client = std::shared_ptr<ControlServer::Connection>;

  DebugLeases(Instance& instance, DeskHost& host) : instance_(&instance), host_(&host) {}

  /// A debugger of `client` goes to the running process; answers with its pid. Throws Error.
  void attach(const Client& client, Program& program);
  /// The client's debugger starts the next process; answered when ours is gone. `wait`: ours is not ended for
  /// it. Throws Error.
  void launch(const Client& client, Program& program, bool wait);
  /// The debugger was left.
  void give_back(const Client& client);
  /// The supervisor needs the program: the debugger is ended, within about three seconds.
  void revoke(std::string_view program, const std::string& why);
  /// The drain begins. A debugger that has no process to drain gives its place back; others are told of.
  void on_drain();

  [[nodiscard]] bool has(std::string_view program) const { return leases_.find(program) != leases_.end(); }
  [[nodiscard]] Nanos next_deadline() const noexcept;
  void on_time(Nanos now);

 private:
  struct Lease {
    Client client;
    bool launches = false;
    bool granted = false;  // attached, or everything was handed over
    std::uint64_t client_start = 0;
    std::uint32_t pid_before = 0;  // of the stage, on its page
    UniqueFd ready;
    stage::EventLoop::WatchId ready_watch = 0;
    ReadyLines ready_lines;
    UniqueFd lifeline;  // closing it ends the process that the debugger started
    Nanos kill_at = kNever;
  };

  Lease& open(const Client& client, Program& program);
  void hand_over(const std::string& name, Lease& lease, Program& program);
  void read_ready(const std::string& name);
  void end(const std::string& name);
  void note_process(const std::string& name, const Lease& lease, bool ready);

  Instance* instance_;
  DeskHost* host_;
  std::map<std::string, Lease, std::less<>> leases_;
};

}  // namespace prot::supervisor
