#include "queue/outbox.hpp"

#include "base/log.hpp"
#include "desk/commands.hpp"
#include "json/json.hpp"
#include "wire/frame.hpp"

namespace prot::memory {
namespace {

std::string message_json(const Message& message) {
  json::Writer writer;
  writer.begin_object()
      .member("sequence", message.key.sequence)
      .member("role", to_string(message.role))
      .member("text", message.text)
      .member("interrupted", message.interrupted)
      .member("open", message.open)
      .end_object();
  return writer.str();
}

}  // namespace

std::string history_json(const std::vector<Message>& messages, std::size_t max_bytes) {
  std::deque<std::string> kept;
  std::size_t size = 2;
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    std::string json = message_json(*message);
    size += json.size() + 1;
    if (size > max_bytes) break;
    kept.push_front(std::move(json));
  }
  std::string out = "[";
  for (const std::string& json : kept) out += (out.size() > 1 ? "," : "") + json;
  return out + "]";
}

void Outbox::put_block(std::uint64_t request, std::uint64_t generation, Nanos now,
                       const RecallResult& recalled) {
  Block block;
  block.head.request = request;
  block.head.generation = generation;
  block.head.built_ns = now;
  block.head.tokens = recalled.tokens;
  block.head.facts = recalled.items;
  block.text = recalled.block;
  blocks_.push_back(std::move(block));
  if (blocks_.size() > kMaxBlocks) blocks_.pop_front();
}

void Outbox::put_history(const wire::ConversationId& conversation, std::uint64_t request,
                         const std::vector<Message>& messages) {
  History history;
  history.head.conversation = conversation;
  history.head.request = request;
  history.json = history_json(messages, kMaxTail);
  histories_.push_back(std::move(history));
}

void Outbox::put_desk_answer(std::uint64_t request, std::string line) {
  if (line.size() > kMaxTail) line = refusal("that is too much to be told", kCommandFailed);
  desk_answers_.push_back({{request}, std::move(line)});
}

void Outbox::put_forgotten(const std::vector<MessageKey>& messages, bool everything) {
  histories_.clear();  // read before; brain asks again
  desk_answers_.clear();
  if (everything) {
    notices_.push_back({{}, {}});
    return;
  }
  constexpr std::size_t kMost = kMaxTail / sizeof(std::uint64_t);
  for (const MessageKey& key : messages) {
    if (notices_.empty() || notices_.back().head.conversation != key.conversation ||
        notices_.back().sequences.size() == kMost)
      notices_.push_back({{key.conversation}, {}});
    notices_.back().sequences.push_back(key.sequence);
  }
}

int Outbox::flush() {
  int sent = 0;
  const auto gone = [&](ipc::PublishResult result) {
    if (result == ipc::PublishResult::kFull) return false;
    if (result != ipc::PublishResult::kOk) log_error("a frame for 'recall' cannot be sent");
    ++sent;
    return true;
  };
  while (!notices_.empty()) {
    const Notice& notice = notices_.front();
    if (!gone(wire::send(*output_, notice.head, std::as_bytes(std::span(notice.sequences)), {}))) return sent;
    notices_.pop_front();
  }
  while (!histories_.empty()) {
    const History& history = histories_.front();
    if (!gone(wire::send(*output_, history.head, wire::as_bytes(history.json), {}))) return sent;
    histories_.pop_front();
  }
  while (!desk_answers_.empty()) {
    const DeskAnswer& answer = desk_answers_.front();
    if (!gone(wire::send(*output_, answer.head, wire::as_bytes(answer.line), {}))) return sent;
    desk_answers_.pop_front();
  }
  while (!blocks_.empty()) {
    const Block& block = blocks_.front();
    if (!gone(wire::send(*output_, block.head, wire::as_bytes(block.text), {}))) return sent;
    blocks_.pop_front();
  }
  return sent;
}

}  // namespace prot::memory
