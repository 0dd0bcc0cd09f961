#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "barge_in.hpp"
#include "conversation.hpp"
#include "language_model.hpp"
#include "memory_client.hpp"
#include "memory_talk.hpp"
#include "outbox.hpp"
#include "preemptive.hpp"
#include "prefill.hpp"
#include "prompt.hpp"
#include "record.hpp"
#include "rounds_journal.hpp"
#include "stage/context.hpp"
#include "text_journal.hpp"
#include "tool_runner.hpp"
#include "turn_journal.hpp"

namespace prot::brain {

/// Numbers of messages: unique within a conversation for ever. The newest is on the board, so that a
/// restarted brain goes on above it, even when the wall clock went back. One thread.
class MessageNumbers {
 public:
  explicit MessageNumbers(ipc::ConversationPage& page) : page_(&page) {}
  [[nodiscard]] std::uint64_t next() noexcept {
    const std::uint64_t last = page_->last_message.load(std::memory_order_relaxed);
    const std::uint64_t number = std::max(last + 1, static_cast<std::uint64_t>(wall_now() / kMicrosecond));
    page_->last_message.store(number, std::memory_order_release);
    return number;
  }

 private:
  ipc::ConversationPage* page_;
};

/// What the voice and the text side share. Owned by the stage; lives longer than both.
struct Parts {
  stage::StageContext& context;
  LanguageModel& model;
  Outbox speech;
  Outbox turns;
  MemoryClient memory;
  Toolbox toolbox;
  Prompt prompt;
  Conversations conversations;
  TurnJournal journal;
  TextJournal text_journal;
  RoundsJournal rounds_journal;
  Prefill prefill;
  Preemptive preemptive;
  MessageNumbers numbers;
  std::string language;
  std::function<void(std::string_view)> publish;  // one event line to the subscribers of chat.sock
  Record record;
  MemoryTalks talks;
};

/// Steps of a confirmation: to the subscribers, the log and the board. `channel`: "voice", "text".
[[nodiscard]] Confirmation::Tell tell_of_consent(Parts& parts, const char* channel);

}  // namespace prot::brain
