#pragma once

#include <deque>
#include <string>

#include "ipc/channel.hpp"
#include "recall/memory_records.hpp"
#include "recall/recall.hpp"

namespace prot::memory {

/// What waits for room in `recall`: every history, and the newest blocks (a voice and a text turn may ask at
/// once). The loop's thread.
class Outbox {
 public:
  explicit Outbox(ipc::Output& output) : output_(&output) {}

  void put_block(std::uint64_t request, std::uint64_t generation, Nanos now, const RecallResult& recalled);
  /// The newest messages that fit into one frame.
  void put_history(const wire::ConversationId& conversation, std::uint64_t request,
                   const std::vector<Message>& messages);
  /// To what a person wants to see or decide.
  void put_desk_answer(std::uint64_t request, std::string line);
  /// What brain must not know any more; before any block that comes after it.
  void put_forgotten(const std::vector<MessageKey>& messages, bool everything);
  /// Those that wait are no longer what is known.
  void drop_blocks() { blocks_.clear(); }
  /// Frames sent.
  int flush();

  static constexpr std::size_t kMaxBlocks = 8;
  static constexpr std::size_t kMaxTail = 120 * 1024;  // below the ring's largest frame

 private:
  struct Block {
    wire::RecallBlock head;
    std::string text;
  };
  struct History {
    wire::History head;
    std::string json;
  };
  ipc::Output* output_;
  std::deque<Block> blocks_;
  std::deque<History> histories_;
  struct Notice {
    wire::Forgotten head;
    std::vector<std::uint64_t> sequences;
  };
  std::deque<Notice> notices_;
  struct DeskAnswer {
    wire::DeskAnswer head;
    std::string line;
  };
  std::deque<DeskAnswer> desk_answers_;
};

/// JSON as wire::History says, at most `max_bytes`: the oldest messages are left out.
[[nodiscard]] std::string history_json(const std::vector<Message>& messages, std::size_t max_bytes);

}  // namespace prot::memory
