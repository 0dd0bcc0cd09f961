#pragma once

#include <pulse/context.h>
#include <pulse/mainloop.h>
#include <pulse/operation.h>

#include <memory>
#include <string>

#include "base/clock.hpp"

namespace prot::audio {

struct PulseOperationCloser {
  void operator()(pa_operation* operation) const noexcept { pa_operation_unref(operation); }
};
using PulseOperation = std::unique_ptr<pa_operation, PulseOperationCloser>;

/// A connection to a sound server that runs. It starts none: that one would be this program's child, with its
/// rights, and end with it. Every wait ends at one deadline, `limit` from the constructor. One thread.
class PulseServer {
 public:
  /// Empty server: PulseAudio's default. `what` begins each message. Throws Error.
  PulseServer(const std::string& server, Nanos limit, std::string what = "PulseAudio");
  [[nodiscard]] pa_context* get() const noexcept { return context_.get(); }
  /// Waits for the answer. Throws Error.
  void finish(const PulseOperation& operation);

 private:
  struct LoopCloser {
    void operator()(pa_mainloop* loop) const noexcept { pa_mainloop_free(loop); }
  };
  struct ContextCloser {
    void operator()(pa_context* context) const noexcept {
      pa_context_disconnect(context);
      pa_context_unref(context);
    }
  };
  [[noreturn]] void fail() const;
  void turn();

  Nanos deadline_;
  bool by_default_;
  std::string what_;
  std::unique_ptr<pa_mainloop, LoopCloser> loop_;
  std::unique_ptr<pa_context, ContextCloser> context_;
};

}  // namespace prot::audio
