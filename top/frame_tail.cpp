#include "frame_tail.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.hpp"
#include "wire/frame.hpp"

namespace prot::top {
namespace {

using wire::Kind;

constexpr std::array<std::pair<Kind, const char*>, 20> kKinds = {{
    {Kind::kMicStart, "mic-start"},
    {Kind::kMicAudio, "mic-audio"},
    {Kind::kMicPause, "mic-pause"},
    {Kind::kMicEnd, "mic-end"},
    {Kind::kHearing, "hearing"},
    {Kind::kTranscript, "transcript"},
    {Kind::kSegment, "segment"},
    {Kind::kTurnEnd, "turn-end"},
    {Kind::kPcmStart, "pcm-start"},
    {Kind::kPcmAudio, "pcm-audio"},
    {Kind::kPcmAlign, "pcm-align"},
    {Kind::kPcmSegmentEnd, "pcm-segment-end"},
    {Kind::kPcmTurnEnd, "pcm-turn-end"},
    {Kind::kPlayback, "playback"},
    {Kind::kEcho, "echo"},
    {Kind::kUserMessage, "user-message"},
    {Kind::kReplySegment, "reply-segment"},
    {Kind::kReplyEnd, "reply-end"},
    {Kind::kRecallRequest, "recall-request"},
    {Kind::kHistoryRequest, "history-request"},
}};
constexpr std::array<std::pair<Kind, const char*>, 9> kMoreKinds = {{
    {Kind::kForgetRequest, "forget-request"},
    {Kind::kUnrecorded, "unrecorded"},
    {Kind::kDeskRequest, "desk-request"},
    {Kind::kRecallBlock, "recall-block"},
    {Kind::kHistory, "history"},
    {Kind::kForgotten, "forgotten"},
    {Kind::kDeskAnswer, "desk-answer"},
    {Kind::kKeyTerms, "key-terms"},
    {Kind::kEndOfStream, "end-of-stream"},
}};

}  // namespace

FrameTail::FrameTail(const ipc::RingMemory& memory, bool waiting) : view_(memory), position_(0) {
  const Positions now = view_.positions();
  position_ = waiting ? now.head : now.tail;
  if (position_ == now.tail) expected_ = sequence_at(position_);
}

// The producer's resume slots tell which frame ended there.
std::optional<std::uint64_t> FrameTail::sequence_at(std::uint64_t tail) const noexcept {
  if (tail == 0) return 0;
  for (const ipc::ResumeSlot& slot : view_.memory().producer->slot) {
    if (slot.end.load(std::memory_order_acquire) != tail) continue;
    const std::uint64_t sequence = slot.sequence.load(std::memory_order_acquire);
    if (slot.end.load(std::memory_order_acquire) == tail) return sequence + 1;
  }
  return std::nullopt;
}

FrameTail::Step FrameTail::next(SeenRecord& record) {
  const Positions now = view_.positions();
  if (!now.sane || now.tail < position_) return Step::kDamaged;
  if (now.tail == position_) return Step::kNothing;
  if (now.tail - position_ > view_.capacity()) return go_to_head(now.tail);
  switch (view_.read(position_, now.tail, record)) {
    case Look::kDamaged:
      return Step::kDamaged;
    case Look::kOverwritten:
      return go_to_head(now.tail);
    case Look::kRecord:
      break;
  }
  // A whole record of a later round may begin at the same place.
  if (expected_ && record.header.sequence != *expected_)
    return view_.positions().head > position_ ? go_to_head(now.tail) : Step::kDamaged;
  position_ = record.end;
  expected_ = record.header.sequence + 1;
  return Step::kFrame;
}

// The oldest frame that is certainly there.
FrameTail::Step FrameTail::go_to_head(std::uint64_t tail) {
  const Positions now = view_.positions();
  if (!now.sane || now.tail < tail) return Step::kDamaged;
  SeenRecord record;
  std::optional<std::uint64_t> found;
  if (now.head == now.tail)
    found = sequence_at(now.tail);
  else if (view_.read(now.head, now.tail, record) == Look::kRecord)
    found = record.header.sequence;
  if (!found) return Step::kNothing;  // it moved on meanwhile: the next call finds a newer head
  missed_ = expected_ && *found > *expected_ ? *found - *expected_ : 0;
  position_ = now.head;
  expected_ = found;
  return Step::kMissed;
}

std::optional<std::string> FrameTail::payload(const SeenRecord& record) const {
  std::string bytes;
  if (!view_.copy_payload(record, bytes)) return std::nullopt;
  return bytes;
}

std::string kind_name(std::uint8_t kind) {
  const auto find = [&](const auto& table) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const auto& entry) {
      return static_cast<std::uint8_t>(entry.first) == kind;
    });
    return found == table.end() ? nullptr : found->second;
  };
  if (const char* name = find(kKinds)) return name;
  if (const char* name = find(kMoreKinds)) return name;
  return fmt::format("kind-{}", kind);
}

std::string flags_text(std::uint16_t flags) {
  constexpr std::array<std::pair<std::uint16_t, const char*>, 3> kNames = {
      {{ipc::kFlagGap, "gap"}, {ipc::kFlagResync, "resync"}, {ipc::kFlagRestarted, "restarted"}}};
  std::string text;
  for (const auto& [flag, name] : kNames)
    if ((flags & flag) != 0) text += (text.empty() ? "" : ",") + std::string(name);
  return text.empty() ? "-" : text;
}

std::string escaped(const std::string& payload) {
  std::string text;
  for (std::string_view rest = payload; !rest.empty();) {
    const utf8::Decoded next = utf8::decode(rest);
    const bool plain = next.valid && next.code_point >= ' ' && next.code_point != '\\' &&
                       (next.code_point < 0x7F || next.code_point > 0x9F);
    if (plain)
      text += rest.substr(0, next.length);
    else
      for (const char c : rest.substr(0, next.length))
        text += c == '\\' ? "\\\\" : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    rest.remove_prefix(next.length);
  }
  return text;
}

}  // namespace prot::top
