#include "prefill.hpp"

#include <utility>

#include "base/log.hpp"
#include "prompt.hpp"

namespace prot::brain {

void Prefill::want(Request request, Nanos now) {
  if (!model_->can_prefill()) return;
  std::string key = cache_key(request);
  has_next_ = false;
  if (id_ != 0 ? running_key_.starts_with(key) : warm_key_.starts_with(key)) return;
  if (id_ != 0 && !key.starts_with(running_key_)) {
    model_->cancel(id_);  // it computes something that nobody will ask for
    id_ = 0;
  }
  if (id_ == 0) return start(request, std::move(key), now);
  next_ = std::move(request);
  has_next_ = true;
}

void Prefill::start(const Request& request, std::string key, Nanos now) {
  ++count_;
  running_key_ = std::move(key);
  id_ = model_->start(request, now);
}

void Prefill::give_way(const Request& real) {
  has_next_ = false;
  if (id_ == 0 || cache_key(real).starts_with(running_key_)) return;
  stop();
}

void Prefill::computed(const Request& real) { warm_key_ = cache_key(real); }

bool Prefill::on_event(const ModelEvent& event, Nanos now) {
  if (id_ == 0 || event.id != id_) return false;
  if (event.kind == ModelEvent::Kind::kDone) warm_key_ = std::move(running_key_);
  if (event.kind == ModelEvent::Kind::kError) {
    warm_key_.clear();
    log_info("prefill: {}", event.text);
  }
  if (event.kind != ModelEvent::Kind::kDone && event.kind != ModelEvent::Kind::kError) return true;
  id_ = 0;
  if (std::exchange(has_next_, false)) want(std::move(next_), now);
  return true;
}

void Prefill::stop() {
  has_next_ = false;
  if (id_ == 0) return;
  model_->cancel(id_);
  id_ = 0;
  warm_key_.clear();
}

}  // namespace prot::brain
