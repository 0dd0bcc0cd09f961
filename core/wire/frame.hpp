#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "ipc/channel.hpp"

/// Every payload is a fixed head (a trivially copyable struct with kKind and kVersion) and a tail of bytes:
/// samples or UTF-8 text. Numbers that a frame carries in its record header (turn, sequence, stamps) are not
/// repeated in the head.
namespace prot::wire {

enum class Kind : std::uint8_t {
  // mic
  kMicStart = 1,
  kMicAudio,
  kMicPause,
  kMicEnd,
  // hearing
  kHearing = 10,
  // transcript
  kTranscript = 20,
  // speech
  kSegment = 30,
  kTurnEnd,
  // pcm
  kPcmStart = 40,
  kPcmAudio,
  kPcmAlign,
  kPcmSegmentEnd,
  kPcmTurnEnd,
  // playback
  kPlayback = 50,
  // echo
  kEcho = 60,
  // turns
  kUserMessage = 70,
  kReplySegment,
  kReplyEnd,
  kRecallRequest,
  kHistoryRequest,
  kForgetRequest,
  kUnrecorded,
  kDeskRequest,
  // recall
  kRecallBlock = 80,
  kHistory,
  kForgotten,
  kDeskAnswer,
  // names
  kKeyTerms = 90,
  // every ring
  kEndOfStream = 250,
};

/// The last frame of a stage in a drain.
struct EndOfStream {
  static constexpr Kind kKind = Kind::kEndOfStream;
  static constexpr std::uint8_t kVersion = 1;
  std::uint32_t reserved = 0;
};

template <typename T>
concept Payload = std::is_trivially_copyable_v<T> && requires {
  { T::kKind } -> std::convertible_to<Kind>;
  { T::kVersion } -> std::convertible_to<std::uint8_t>;
};

template <Payload T>
[[nodiscard]] bool is(const ipc::FrameInfo& info) noexcept {
  return info.kind == static_cast<std::uint8_t>(T::kKind);
}

/// Head and tail of a frame of kind T. False: another kind, version or too short (the caller counts it as
/// bad).
template <Payload T>
[[nodiscard]] bool decode(const ipc::FrameInfo& info, std::span<const std::byte> payload, T& head,
                          std::span<const std::byte>& tail) noexcept {
  if (!is<T>(info) || info.version != T::kVersion || payload.size() < sizeof(T)) return false;
  std::memcpy(&head, payload.data(), sizeof(T));
  tail = payload.subspan(sizeof(T));
  return true;
}

[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> tail) noexcept {
  return {reinterpret_cast<const char*>(tail.data()), tail.size()};
}
[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}
[[nodiscard]] inline std::span<const std::byte> as_bytes(std::span<const std::int16_t> samples) noexcept {
  return std::as_bytes(samples);
}

struct SendOptions {
  std::uint32_t turn = 0;  // voice turn; on mic, hearing, transcript: the utterance
  Nanos made_ns = 0;       // 0: now
  std::uint16_t flags = 0;
  ipc::Sources sources = {};
};

/// Publishes head + tail by the ring's policy. RT safe like Output::publish.
template <Payload T>
ipc::PublishResult send(ipc::Output& output, const T& head, std::span<const std::byte> tail,
                        const SendOptions& options) {
  ipc::FrameInfo info;
  info.kind = static_cast<std::uint8_t>(T::kKind);
  info.version = T::kVersion;
  info.flags = options.flags;
  info.turn = options.turn;
  info.made_ns = options.made_ns != 0 ? options.made_ns : monotonic_now();
  return output.publish(info, std::as_bytes(std::span(&head, 1)), tail, options.sources);
}

}  // namespace prot::wire
