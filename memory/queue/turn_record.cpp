#include "queue/turn_record.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "json/json.hpp"
#include "safety/plain_letters.hpp"

namespace prot::memory {
namespace {

// PostgreSQL's numbers are signed; no clock reaches the bit that is lost.
constexpr std::uint64_t kSequenceBits = 0x7FFFFFFFFFFFFFFFU;

std::string storable(std::span<const std::byte> tail) { return storable_text(wire::as_text(tail)); }

template <typename Head>
TurnRecord common(TurnRecord::Kind kind, const Head& head, std::span<const std::byte> tail) {
  TurnRecord record;
  record.kind = kind;
  record.key = {head.conversation, head.sequence & kSequenceBits};
  record.wall_ns = std::max<Nanos>(head.wall_ns, 0);
  record.channel = head.channel == wire::Channel::kText ? wire::Channel::kText : wire::Channel::kVoice;
  record.text = storable(tail);
  return record;
}

}  // namespace

bool is_message(const ipc::FrameInfo& info) noexcept {
  return wire::is<wire::UserMessage>(info) || wire::is<wire::ReplySegment>(info) ||
         wire::is<wire::ReplyEnd>(info) || wire::is<wire::ForgetRequest>(info);
}

std::optional<TurnRecord> record_of(const ipc::FrameInfo& info, std::span<const std::byte> payload) {
  std::span<const std::byte> tail;
  wire::UserMessage user;
  if (wire::decode(info, payload, user, tail)) return common(TurnRecord::Kind::kUser, user, tail);
  wire::ReplySegment segment;
  if (wire::decode(info, payload, segment, tail)) {
    TurnRecord record = common(TurnRecord::Kind::kSegment, segment, tail);
    record.segment = segment.segment & 0x7FFFFFFFU;
    return record;
  }
  wire::ReplyEnd end;
  if (wire::decode(info, payload, end, tail)) {
    TurnRecord record = common(TurnRecord::Kind::kEnd, end, tail);
    record.interrupted = end.interrupted != 0;
    return record;
  }
  wire::ForgetRequest forget;
  if (wire::decode(info, payload, forget, tail)) {
    TurnRecord record;
    record.kind = TurnRecord::Kind::kForget;
    record.key = {forget.conversation, forget.first & kSequenceBits};
    record.last_sequence = forget.last & kSequenceBits;
    record.wall_ns = std::max<Nanos>(forget.wall_ns, 0);
    return record;
  }
  return std::nullopt;
}

std::string to_json(const TurnRecord& record) {
  json::Writer writer;
  writer.begin_object()
      .member("kind", static_cast<int>(record.kind))
      .member("conversation", to_uuid(record.key.conversation))
      .member("seq", record.key.sequence)
      .member("wall_ns", record.wall_ns)
      .member("channel", static_cast<int>(record.channel))
      .member("segment", record.segment)
      .member("interrupted", record.interrupted)
      .member("last", record.last_sequence)
      .member("text", record.text)
      .end_object();
  return writer.str();
}

// A file is what a disk has made of it: what a database would refuse for ever must not get there.
TurnRecord from_json(std::string_view line) {
  const json::Document document = json::parse(line);
  const json::View root = document.root();
  const std::int64_t kind = root.get("kind").as_int();
  const std::int64_t sequence = root.get("seq").as_int();
  const std::int64_t segment = root.get("segment").as_int();
  const std::int64_t last = root.get("last").as_int();
  if (kind < 1 || kind > 4 || !root.get("text").is_string() || sequence < 0 || last < 0 || segment < 0 ||
      segment > INT32_MAX)
    throw Error("not a record of a conversation");
  TurnRecord record;
  record.kind = static_cast<TurnRecord::Kind>(kind);
  record.key.conversation = parse_uuid(root.get("conversation").as_string());
  record.key.sequence = static_cast<std::uint64_t>(sequence);
  record.wall_ns = std::max<Nanos>(root.get("wall_ns").as_int(), 0);
  record.channel = root.get("channel").as_int() == 2 ? wire::Channel::kText : wire::Channel::kVoice;
  record.segment = static_cast<std::uint32_t>(segment);
  record.interrupted = root.get("interrupted").as_bool();
  record.last_sequence = static_cast<std::uint64_t>(last);
  record.text = storable_text(root.get("text").as_string());
  return record;
}

std::optional<Message> message_of(const TurnRecord& record) {
  if (record.kind == TurnRecord::Kind::kSegment || record.kind == TurnRecord::Kind::kForget)
    return std::nullopt;
  Message message;
  message.key = record.key;
  message.role = record.kind == TurnRecord::Kind::kUser ? Role::kUser : Role::kAssistant;
  message.channel = record.channel;
  message.at_ns = record.wall_ns;
  message.text = record.text;
  message.interrupted = record.interrupted;
  return message;
}

}  // namespace prot::memory
