#pragma once

#include <string>
#include <utility>
#include <vector>

#include "brain/language_model.hpp"

namespace prot::test {

/// A language model in the test's hands: it remembers what was asked and says what it is told.
class FakeModel final : public brain::LanguageModel {
 public:
  struct Call {
    brain::RequestId id;
    brain::Request request;
    bool cancelled = false;
  };
  explicit FakeModel(bool prefills = true, std::string name = "fake")
      : prefills_(prefills), name_(std::move(name)) {}

  brain::RequestId start(const brain::Request& request, Nanos now) override {
    now_ = now;
    calls.push_back({++last_id_, request, false});
    return last_id_;
  }
  std::vector<brain::ModelEvent> poll(Nanos now) override {
    now_ = now;
    return std::exchange(events_, {});
  }
  void cancel(brain::RequestId id) override {
    for (Call& call : calls) call.cancelled = call.cancelled || call.id == id;
    std::erase_if(events_, [id](const brain::ModelEvent& event) { return event.id == id; });
  }
  Nanos next_deadline() const override { return kNever; }
  const std::string& name() const override { return name_; }
  bool can_prefill() const override { return prefills_; }

  /// The newest real request (no prefill); null when there is none.
  Call* newest() {
    for (auto it = calls.rbegin(); it != calls.rend(); ++it)
      if (!it->request.prefill) return &*it;
    return nullptr;
  }
  std::size_t real_calls() const {
    std::size_t count = 0;
    for (const Call& call : calls) count += call.request.prefill ? 0 : 1;
    return count;
  }
  void say(brain::RequestId id, std::string text) {
    add(id, brain::ModelEvent::Kind::kText, std::move(text));
  }
  /// Its server says how long it read.
  void read(brain::RequestId id, std::uint32_t tokens, Nanos time) {
    add(id, brain::ModelEvent::Kind::kUsage, {});
    events_.back().usage.read_tokens = tokens;
    events_.back().usage.read_ns = time;
  }
  void done(brain::RequestId id) { add(id, brain::ModelEvent::Kind::kDone, {}); }
  /// An answer of the newest request that ends with calls of tools.
  void use_tools(const std::string& text, const std::vector<brain::ToolCall>& called,
                 const std::string& verbatim = {}) {
    const brain::RequestId id = newest()->id;
    if (!text.empty()) say(id, text);
    for (const brain::ToolCall& call : called) {
      add(id, brain::ModelEvent::Kind::kToolCall, {});
      events_.back().call = call;
    }
    done(id);
    events_.back().stop = brain::StopReason::kTools;
    events_.back().verbatim = verbatim;
  }
  void fail(brain::RequestId id, http::ErrorClass error) {
    add(id, brain::ModelEvent::Kind::kError, "made to fail");
    events_.back().error = error;
  }
  void reply(const std::string& text) {
    say(newest()->id, text);
    done(newest()->id);
  }

  std::vector<Call> calls;

 private:
  void add(brain::RequestId id, brain::ModelEvent::Kind kind, std::string text) {
    brain::ModelEvent event;
    event.kind = kind;
    event.id = id;
    event.text = std::move(text);
    event.request_ns = now_;
    event.at = now_;
    events_.push_back(std::move(event));
  }

  bool prefills_;
  brain::RequestId last_id_ = 0;
  Nanos now_ = 0;
  std::string name_;
  std::vector<brain::ModelEvent> events_;
};

}  // namespace prot::test
