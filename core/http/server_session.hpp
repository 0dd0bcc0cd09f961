#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <string>

#include "http/server.hpp"

namespace prot::http {

/// Takes what a session has to say; called on the worker's thread.
class ServerHost {
 public:
  virtual ~ServerHost() = default;
  virtual void on_event(ServerEvent event) = 0;
  /// The session has ended.
  virtual void on_end(ConnectionId id) = 0;
  virtual void count_refusal() noexcept = 0;
  [[nodiscard]] virtual Admission& admission() noexcept = 0;
  [[nodiscard]] virtual const ServerLimits& limits() const noexcept = 0;
};

/// One client. Belongs to the worker's thread. Holds itself while operations are under way; after end()
/// nothing is told any more. Lifetime: the host outlives the io_context's last run.
class ServerSession {
 public:
  virtual ~ServerSession() = default;
  virtual void start() = 0;
  virtual void respond(ServerResponse response) = 0;
  /// False: it is too late for that; nothing more is told of it.
  [[nodiscard]] virtual bool start_events(std::string first) = 0;
  [[nodiscard]] virtual bool accept_socket() = 0;
  virtual void send(std::string text) = 0;
  /// The owner has taken the message: the next one.
  virtual void resume() = 0;
  virtual void close(int code) = 0;

  /// Under what its share of the places is counted (ServerPeer::name).
  [[nodiscard]] virtual const std::string& who() = 0;
  /// It has no request with the owner, and is no stream: when places are short it may be ended.
  [[nodiscard]] virtual bool gives_way() const noexcept = 0;
  virtual void end() = 0;
};

/// `peer`: its address; `by_name`: over the network.
[[nodiscard]] std::shared_ptr<ServerSession> make_server_session(
    boost::asio::generic::stream_protocol::socket socket, ConnectionId id, std::string peer, bool by_name,
    ServerHost& host);

}  // namespace prot::http
