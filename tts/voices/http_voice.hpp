#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "http/client.hpp"
#include "voices/service_voice.hpp"

namespace prot::tts {

/// A voice behind HTTP: each segment is a request whose answer is streamed; cancel closes its connection.
/// Threads: the owner's; the transport has a worker, which calls `wake`. Invariant: at most one request is
/// under way; what comes of another one is dropped.
class HttpVoice : public ServiceVoice {
 public:
  ~HttpVoice() override = default;

 protected:
  struct Limits {
    Nanos connect;  // longest wait for a connection
    Nanos silence;  // without a byte for so long a request has failed
  };
  HttpVoice(std::string_view name, const Clock* clock, Limits limits, const std::function<void()>& wake);

  /// The request for request(), without time limits; what came of an earlier one is forgotten. None: it has
  /// failed.
  [[nodiscard]] virtual std::optional<http::Request> make_request() = 0;
  virtual void take_headers(const http::Headers& /*headers*/) {}
  virtual void take_data(std::string_view data, Nanos at) = 0;
  /// The answer is complete: the segment is, or has failed.
  virtual void take_end(Nanos at) = 0;
  [[nodiscard]] virtual VoiceError error_of(const http::Event& error) const = 0;

  /// Connects, so that the first words need not wait for it: what that answers, they will be told too.
  void connect(http::Request request);
  /// False: what is left of the answer is not wanted.
  [[nodiscard]] bool is_asked() const noexcept { return id_ != 0; }

 private:
  void ask() final;
  void receive() final;
  void hang_up() noexcept final;
  void take(const http::Event& event);

  Limits limits_;
  http::RequestId id_ = 0;  // under way; 0: none
  http::Client client_;
};

}  // namespace prot::tts
