#include "engines/null.hpp"

#include <utility>

namespace prot::brain {

RequestId NullModel::start(const Request& request, Nanos now) {
  const RequestId id = ++last_id_;
  const auto add = [&](ModelEvent::Kind kind, std::string text) {
    ModelEvent event;
    event.kind = kind;
    event.id = id;
    event.text = std::move(text);
    event.request_ns = event.at = now;
    events_.push_back(std::move(event));
  };
  if (!request.prefill && !request.messages.empty())
    add(ModelEvent::Kind::kText, "You said: " + request.messages.back().text);
  add(ModelEvent::Kind::kDone, {});
  if (wake_) wake_();
  return id;
}

std::vector<ModelEvent> NullModel::poll(Nanos now) {
  (void)now;
  return std::exchange(events_, {});
}

void NullModel::cancel(RequestId id) {
  std::erase_if(events_, [id](const ModelEvent& event) { return event.id == id; });
}

}  // namespace prot::brain
