#include "playhead.hpp"

#include "json/json.hpp"

namespace prot::web {

std::string Playhead::look(Nanos now) {
  if (now < look_at_) return {};
  look_at_ = now + kLookEvery;
  const ipc::PlaybackPage& page = board_->playback();
  const Place place{page.turn.load(std::memory_order_acquire), page.segment.load(), page.bytes_heard.load()};
  if (place == shown_) return {};
  shown_ = place;
  json::Writer out;
  out.begin_object().member("type", "spoken").member("turn", std::get<0>(place));
  out.member("segment", std::get<1>(place)).member("bytes", std::get<2>(place));
  return out.end_object().str();
}

Nanos Playhead::next_deadline() const noexcept {
  const auto state = static_cast<ipc::ConversationState>(board_->conversation().state.load());
  return state == ipc::ConversationState::kSpeaking ? look_at_ : kNever;
}

}  // namespace prot::web
