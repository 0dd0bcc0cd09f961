#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "brain/engines/openai.hpp"
#include "core/http/loopback_server.hpp"

namespace prot::test {

using brain::ModelEvent;

inline constexpr const char* kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

inline std::string chunk(const std::string& delta, const std::string& finish = "null") {
  return "data: {\"choices\":[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + finish + "}]}\n\n";
}
inline std::string words(const std::string& text) { return chunk("{\"content\":\"" + text + "\"}"); }
inline const std::string kStop = chunk("{}", "\"stop\"") + "data: [DONE]\n\n";

/// A model and its loop: sleeps until the model wakes it.
class ModelLoop {
 public:
  template <typename Make>
  explicit ModelLoop(const Make& make) : model_(make([this] { wake(); })) {}
  explicit ModelLoop(const brain::OpenAiOptions& options)
      : model_(std::make_unique<brain::OpenAiModel>(options, [this] { wake(); })) {}

  brain::LanguageModel& model() { return *model_; }

  /// Until kDone or kError of that request, or the time is over.
  std::vector<ModelEvent> run(const brain::Request& request, int milliseconds = 5000) {
    return finish(model_->start(request, monotonic_now()), milliseconds);
  }
  std::vector<ModelEvent> finish(brain::RequestId id, int milliseconds = 5000) {
    std::vector<ModelEvent> all;
    const Nanos until = monotonic_now() + milliseconds * kMillisecond;
    while (monotonic_now() < until) {
      for (ModelEvent& event : model_->poll(monotonic_now())) {
        if (event.id != id) continue;
        all.push_back(std::move(event));
        const auto kind = all.back().kind;
        if (kind == ModelEvent::Kind::kDone || kind == ModelEvent::Kind::kError) return all;
      }
      wait(std::min(until, model_->next_deadline()));
    }
    return all;
  }
  void wait(Nanos until) {
    std::unique_lock lock(mutex_);
    const auto patience = std::chrono::nanoseconds(std::max<Nanos>(until - monotonic_now(), 0));
    changed_.wait_for(lock, patience, [this] { return woken_; });
    woken_ = false;
  }

 private:
  void wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::unique_ptr<brain::LanguageModel> model_;  // last: its worker calls wake()
};

inline brain::Request question(const std::string& text = "Hi") {
  brain::Request request;
  request.prompt = {"Be brief."};
  request.messages = {{brain::Role::kUser, text, {}, {}}};
  return request;
}

inline std::string text_of(const std::vector<ModelEvent>& events) {
  std::string text;
  for (const ModelEvent& event : events)
    if (event.kind == ModelEvent::Kind::kText) text += event.text;
  return text;
}

inline brain::OpenAiOptions at(const std::string& url) {
  brain::OpenAiOptions options;
  options.url = url;
  options.first_byte_timeout = 3 * kSecond;
  return options;
}

}  // namespace prot::test
