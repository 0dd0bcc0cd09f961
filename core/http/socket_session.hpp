#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "http/url.hpp"
#include "http/web_socket.hpp"

namespace prot::http {

/// Takes what a session has to say; called on the worker's thread.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual void on_event(SocketEvent event) = 0;
  /// The network has taken a message of so many bytes.
  virtual void on_sent(SocketId id, std::size_t bytes) = 0;
  /// False: no room for more messages now. The session pauses until resume().
  virtual bool has_room() = 0;
};

/// One WebSocket. Belongs to the worker's thread. Invariant: says exactly one kClosed or kError, then nothing
/// more; after close() nothing at all. Lifetime: holds itself while operations are under way; the host must
/// outlive the io_context's last run.
class SocketSession {
 public:
  virtual ~SocketSession() = default;
  virtual void start() = 0;
  virtual void send(std::string text) = 0;
  virtual void resume() = 0;
  virtual void close() noexcept = 0;
  [[nodiscard]] virtual bool ended() const noexcept = 0;
};

/// `tls`: needed where `url` is encrypted.
[[nodiscard]] std::shared_ptr<SocketSession> make_session(boost::asio::io_context& io,
                                                          boost::asio::ssl::context* tls, SocketId id,
                                                          const Url& url, SocketRequest request,
                                                          SessionHost& host);

}  // namespace prot::http
