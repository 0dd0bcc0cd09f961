#include "audio/pulse_server.hpp"

#include <pulse/def.h>
#include <pulse/error.h>

#include <utility>

#include "base/error.hpp"

namespace prot::audio {

PulseServer::PulseServer(const std::string& server, Nanos limit, std::string what)
    : deadline_(monotonic_now() + limit),
      by_default_(server.empty()),
      what_(std::move(what)),
      loop_(pa_mainloop_new()) {
  if (loop_) context_.reset(pa_context_new(pa_mainloop_get_api(loop_.get()), "prot"));
  if (!context_) throw Error(what_ + ": no memory");
  if (pa_context_connect(context_.get(), by_default_ ? nullptr : server.c_str(), PA_CONTEXT_NOAUTOSPAWN,
                         nullptr) < 0)
    fail();
  for (;;) {
    const pa_context_state_t state = pa_context_get_state(context_.get());
    if (state == PA_CONTEXT_READY) return;
    if (!PA_CONTEXT_IS_GOOD(state)) fail();
    turn();
  }
}

void PulseServer::finish(const PulseOperation& operation) {
  if (!operation) fail();
  while (pa_operation_get_state(operation.get()) == PA_OPERATION_RUNNING) {
    turn();
    if (!PA_CONTEXT_IS_GOOD(pa_context_get_state(context_.get()))) fail();
  }
}

void PulseServer::fail() const {
  const int code = pa_context_errno(context_.get());
  std::string why = what_ + ": " + pa_strerror(code);
  if (by_default_ && code == PA_ERR_CONNECTIONREFUSED) why += ": no sound server runs (pulseaudio --start)";
  throw Error(why);
}

void PulseServer::turn() {
  const Nanos left = deadline_ - monotonic_now();
  if (left <= 0) throw Error(what_ + ": the server does not answer");
  if (pa_mainloop_prepare(loop_.get(), static_cast<int>(left / kMicrosecond)) < 0 ||
      pa_mainloop_poll(loop_.get()) < 0 || pa_mainloop_dispatch(loop_.get()) < 0)
    throw Error(what_ + ": its event loop failed");
}

}  // namespace prot::audio
