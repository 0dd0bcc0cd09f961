#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "stage/event_loop.hpp"

namespace prot::supervisor {

/// The listening end of control.sock (framing: core/stage/control.hpp). Never blocks: a client that does not
/// read is cut off. Single-threaded.
class ControlServer {
 public:
  /// One client. Held by shared_ptr: whoever answers later keeps it; closed() then says whether it is still
  /// there.
  class Connection : public std::enable_shared_from_this<Connection> {
   public:
    Connection(ControlServer& server, UniqueFd socket, pid_t peer);
    /// Queues a message; with descriptors only while nothing else is queued. A client that cannot be told is
    /// cut off, yet nobody is called from here: on_close() comes with the next settle().
    void send(std::string_view json, const std::vector<int>& fds = {});
    void send_error(const std::string& message, int code);
    /// Closes when everything is written, as send() does.
    void finish();
    /// Closes, and calls what on_close() was given.
    void close();
    [[nodiscard]] bool closed() const noexcept { return !socket_; }
    [[nodiscard]] pid_t peer() const noexcept { return peer_; }
    /// Called once when the client is gone or the connection was closed. Throws Error: somebody else waits
    /// for that already.
    void on_close(std::function<void()> callback);
    /// Program whose log lines it wants ("": all); see ControlServer::spread_line.
    bool follows = false;
    std::string followed;

   private:
    friend class ControlServer;
    void read();
    void flush();
    void cut_off();
    void tell_end();

    ControlServer* server_;
    std::string refusal_;  // all that it ever hears
    UniqueFd socket_;
    pid_t peer_;
    stage::EventLoop::WatchId read_watch_ = 0;
    stage::EventLoop::WatchId write_watch_ = 0;
    std::uint64_t number_ = 0;  // in order of arrival
    std::string input_;
    std::string output_;
    bool finishing_ = false;
    std::function<void()> on_close_;
  };
  using Handler = std::function<void(const std::shared_ptr<Connection>&, const std::string& request)>;

  /// Throws Error (socket in use, path too long).
  ControlServer(const std::string& path, stage::EventLoop& loop, Handler handler);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Calls what waits for the end of connections that were cut off. From the loop, with nothing under way.
  void settle();
  [[nodiscard]] bool unsettled() const noexcept { return !cut_off_.empty(); }
  /// To everybody who follows `program`: one log line, as it is.
  void spread_line(const std::string& program, const std::string& json);
  /// No new clients: the socket's file is gone after this.
  void stop_listening() noexcept;
  /// Closes every connection once it is written out, waiting at most a moment. At the end of the run.
  void drain_connections();

 private:
  void accept_all();
  [[nodiscard]] bool make_room();

  std::string path_;
  stage::EventLoop* loop_;
  Handler handler_;
  UniqueFd listener_;
  stage::EventLoop::WatchId watch_ = 0;
  std::map<Connection*, std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> cut_off_;  // to be told of
  std::uint64_t accepted_ = 0;
  bool crowded_ = false;  // said once
};

}  // namespace prot::supervisor
