#include "memory_client.hpp"

#include <algorithm>
#include <utility>

#include "base/copy_bytes.hpp"
#include "base/log.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {
constexpr std::uint32_t kHistoryMessages = 60;
constexpr std::size_t kMaxQueryBytes = 4096;
constexpr std::size_t kMostDeskAnswers = 8;
constexpr std::uint32_t kLineTokens = 40;  // a sentence: to know nothing is worse than a later answer
}  // namespace

MemoryClient::MemoryClient(ipc::Input& recall, Outbox& turns, std::uint32_t max_tokens, bool enabled)
    : recall_(&recall), turns_(&turns), max_tokens_(max_tokens), enabled_(enabled) {}

// Above every number of a predecessor, so that its late answers are not taken for ours.
std::uint64_t MemoryClient::next_number() {
  return last_number_ = std::max(last_number_ + 1, static_cast<std::uint64_t>(wall_now() / kMicrosecond));
}

std::uint64_t MemoryClient::request(const wire::ConversationId& conversation, std::string_view text,
                                    Lane lane) {
  if (max_tokens_ == 0 || text.empty() || !turns_->empty()) return 0;
  wire::RecallRequest head{};
  head.conversation = conversation;
  head.request = next_number();
  head.max_tokens = max_tokens_;
  if (lane == Lane::kVoice && spoken_tokens_ != 0) {
    head.max_tokens = std::min(max_tokens_, spoken_tokens_);
    head.line_tokens = std::min(max_tokens_, kLineTokens);
  }
  asked_.emplace(head.request, lane);
  while (asked_.size() > 64) asked_.erase(asked_.begin());
  turns_->push(head, text::truncate_utf8(text, kMaxQueryBytes), {});
  return head.request;
}

bool MemoryClient::request_history(const wire::ConversationId& conversation) {
  if (!enabled_) return false;
  wire::HistoryRequest head{};
  head.conversation = conversation;
  head.request = next_number();
  head.max_messages = kHistoryMessages;
  turns_->push(head, {}, {});
  return true;
}

std::uint64_t MemoryClient::request_desk(std::string_view command) {
  if (!enabled_) return 0;
  wire::DeskRequest head{};
  head.request = next_number();
  turns_->push(head, command, {});
  return head.request;
}

std::optional<std::string> MemoryClient::take_desk_answer(std::uint64_t request) {
  const auto found = desk_answers_.find(request);
  if (found == desk_answers_.end()) return std::nullopt;
  std::string line = std::move(found->second);
  desk_answers_.erase(desk_answers_.begin(), std::next(found));  // nobody waits for older ones any more
  return line;
}

int MemoryClient::poll() {
  int taken = 0;
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (recall_->peek(info, payload) == ipc::TakeResult::kFrame) {
    take(info, payload);
    recall_->release();
    ++taken;
  }
  return taken;
}

void MemoryClient::take(const ipc::FrameInfo& info, std::span<const std::byte> payload) {
  std::span<const std::byte> tail;
  wire::RecallBlock block{};
  wire::History history{};
  if (wire::decode(info, payload, block, tail)) {
    const auto asked = asked_.find(block.request);
    // Unasked: what memory prepared at its start, good until something better is known.
    Block& kept = blocks_[asked == asked_.end() ? 0 : index(asked->second)];
    if (asked == asked_.end() && kept.request != 0) return;
    if (asked != asked_.end() && block.request < kept.request) return;
    kept = {asked == asked_.end() ? 0 : block.request, std::string(wire::as_text(tail)), block.tokens};
  } else if (wire::decode(info, payload, history, tail)) {
    histories_.push_back({history.conversation, std::string(wire::as_text(tail))});
  } else if (wire::DeskAnswer answer{}; wire::decode(info, payload, answer, tail)) {
    desk_answers_.insert_or_assign(answer.request, std::string(wire::as_text(tail)));
    if (desk_answers_.size() > kMostDeskAnswers) desk_answers_.erase(desk_answers_.begin());
  } else if (wire::Forgotten forgotten{}; wire::decode(info, payload, forgotten, tail)) {
    ForgottenNews news{forgotten.conversation, {}, forgotten.conversation == wire::ConversationId{}};
    news.sequences.resize(tail.size() / sizeof(std::uint64_t));
    copy_bytes(news.sequences.data(), tail.data(), news.sequences.size() * sizeof(std::uint64_t));
    forgotten_.push_back(std::move(news));
    drop_blocks();
    histories_.clear();
    desk_answers_.clear();
  }
}

void MemoryClient::drop_blocks() {
  for (Block& block : blocks_) block.text.clear();
}

std::vector<MemoryClient::ForgottenNews> MemoryClient::take_forgotten() {
  return std::exchange(forgotten_, {});
}

std::vector<MemoryClient::HistoryAnswer> MemoryClient::take_histories() {
  return std::exchange(histories_, {});
}

}  // namespace prot::brain
