#include "outbox.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"

namespace prot::brain {

void Outbox::add(const ipc::FrameInfo& info, std::string_view head, std::string_view tail,
                 const ipc::Sources& sources, std::function<void()> published) {
  waiting_.push_back({info, std::string(head), std::string(tail), sources, std::move(published)});
  flush();
}

int Outbox::flush() {
  int left = 0;
  while (!waiting_.empty()) {
    Frame& frame = waiting_.front();
    if (!black_hole_ && !output_->consumer_closed()) {
      const ipc::PublishResult result =
          output_->publish(frame.info, wire::as_bytes(frame.head), wire::as_bytes(frame.tail), frame.sources);
      if (result == ipc::PublishResult::kFull) break;
      if (result == ipc::PublishResult::kFaulted)
        throw Error("ring " + output_->name() + ": its consumer's page is damaged");
      if (result == ipc::PublishResult::kTooLarge)
        log_error("ring {}: a frame of {} bytes does not fit and was dropped", output_->name(),
                  frame.head.size() + frame.tail.size());
    }
    const std::function<void()> published = std::move(frame.published);
    waiting_.pop_front();
    ++left;
    if (published) published();
  }
  return left;
}

void Outbox::drop_turn(std::uint32_t turn) {
  std::erase_if(waiting_, [turn](const Frame& frame) { return frame.info.turn == turn; });
}

}  // namespace prot::brain
