#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ipc/channel.hpp"
#include "language_model.hpp"
#include "outbox.hpp"
#include "wire/memory.hpp"

namespace prot::brain {

/// Asks memory and keeps its newest answer for each lane. Never waits: the caller decides for how long an
/// answer is worth waiting. One thread.
class MemoryClient {
 public:
  struct Block {
    std::uint64_t request = 0;
    std::string text;  // empty: nothing is known
    std::uint32_t tokens = 0;
  };
  struct HistoryAnswer {
    wire::ConversationId conversation;
    std::string json;
  };
  struct ForgottenNews {
    wire::ConversationId conversation;
    std::vector<std::uint64_t> sequences;
    bool everything = false;
  };
  /// `max_tokens` of a block; 0: no block is wanted. `enabled`: there is a memory, which knows what was said.
  MemoryClient(ipc::Input& recall, Outbox& turns, std::uint32_t max_tokens, bool enabled);
  /// A block for a spoken answer has at most `tokens`, but for its best line; 0: as large as any.
  void limit_spoken(std::uint32_t tokens) noexcept { spoken_tokens_ = tokens; }

  /// Asks for what is known about `text`. 0 when no block is wanted or the ring to it is full.
  std::uint64_t request(const wire::ConversationId& conversation, std::string_view text, Lane lane);
  /// A restarted brain asks for what was said. False: memory is off.
  bool request_history(const wire::ConversationId& conversation);
  /// What a person wants to see or decide (doc/memory.md, memory.sock). 0: memory is off.
  std::uint64_t request_desk(std::string_view command);
  /// The answer to that request, once.
  [[nodiscard]] std::optional<std::string> take_desk_answer(std::uint64_t request);
  /// Reads `recall`; returns frames taken.
  int poll();

  [[nodiscard]] const Block& block(Lane lane) const { return blocks_[index(lane)]; }
  /// Has `request` (or a later one of that lane) been answered? True for 0.
  [[nodiscard]] bool answered(Lane lane, std::uint64_t request) const {
    return blocks_[index(lane)].request >= request;
  }
  [[nodiscard]] std::vector<HistoryAnswer> take_histories();
  /// What memory has forgotten: the blocks from before it are gone already.
  [[nodiscard]] std::vector<ForgottenNews> take_forgotten();
  /// They may tell of what is forgotten.
  void drop_blocks();

 private:
  static std::size_t index(Lane lane) noexcept { return lane == Lane::kVoice ? 0 : 1; }
  [[nodiscard]] std::uint64_t next_number();
  void take(const ipc::FrameInfo& info, std::span<const std::byte> payload);

  ipc::Input* recall_;
  Outbox* turns_;
  std::uint32_t max_tokens_;
  bool enabled_;
  std::uint32_t spoken_tokens_ = 0;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, Lane> asked_;
  std::array<Block, 2> blocks_;
  std::vector<HistoryAnswer> histories_;
  std::vector<ForgottenNews> forgotten_;
  std::map<std::uint64_t, std::string> desk_answers_;
};

}  // namespace prot::brain
