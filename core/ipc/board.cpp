#include "ipc/board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/error.hpp"
#include "ipc/crc32c.hpp"
#include "ipc/shm_object.hpp"
#include "ipc/shm_segment.hpp"

namespace prot::ipc {
namespace bip = boost::interprocess;
namespace {

constexpr std::size_t kSupervisorPage = 1;
constexpr std::size_t kConversationPage = 2;
constexpr std::size_t kPlaybackPage = 3;
constexpr std::size_t kFirstStagePage = 4;

template <std::size_t N>
std::string_view text(const char (&field)[N]) noexcept {
  return {field, ::strnlen(field, N)};
}

std::uint32_t checksum(const BoardHeader& header) noexcept {
  std::byte bytes[offsetof(BoardHeader, crc)];
  std::memcpy(bytes, &kBoardMagic, sizeof kBoardMagic);
  std::memcpy(bytes + sizeof kBoardMagic, reinterpret_cast<const std::byte*>(&header) + sizeof kBoardMagic,
              sizeof bytes - sizeof kBoardMagic);
  return crc32c(bytes);
}

void require_valid(const std::string& shm_name, const BoardHeader& header, std::size_t size) {
  const auto refuse = [&](const std::string& why) {
    throw Error(fmt::format("shared memory {}: {}", shm_name, why), detail::kRefused);
  };
  const std::uint64_t magic = header.magic.load(std::memory_order_acquire);
  if (magic == 0) refuse("it is not ready yet");
  if (magic != kBoardMagic) refuse("it is not a prot board");
  if (header.abi_major != kAbiMajor)
    refuse(fmt::format("its layout has another version: {}.{}, this program has {}.{}", header.abi_major,
                       header.abi_minor, kAbiMajor, kAbiMinor));
  if (checksum(header) != header.crc) refuse("its header is damaged");
  if (header.size != kBoardSize || size != kBoardSize || header.program_count > kMaxPrograms)
    refuse("its size does not fit its header");
}

template <typename T>
T* as(bip::mapped_region& region) noexcept {
  return static_cast<T*>(region.get_address());
}

}  // namespace

const char* to_string(ProgramState state) noexcept {
  switch (state) {
    case ProgramState::kDown:
      return "down";
    case ProgramState::kStarting:
      return "starting";
    case ProgramState::kReady:
      return "ready";
    case ProgramState::kStopping:
      return "stopping";
    case ProgramState::kBackoff:
      return "backoff";
    case ProgramState::kFailed:
      return "failed";
    case ProgramState::kHeld:
      return "held";
    case ProgramState::kDone:
      return "done";
    case ProgramState::kEnding:
      return "ending";
  }
  return "unknown";
}

const char* to_string(ConversationState state) noexcept {
  switch (state) {
    case ConversationState::kIdle:
      return "idle";
    case ConversationState::kListening:
      return "listening";
    case ConversationState::kProcessing:
      return "processing";
    case ConversationState::kSpeaking:
      return "speaking";
    case ConversationState::kActive:
      return "active";
    case ConversationState::kInterrupted:
      return "interrupted";
  }
  return "unknown";
}

Board Board::create(const std::string& instance, const std::string& run_id,
                    const std::vector<std::string>& programs) {
  const std::string shm_name = segment_name(instance, run_id, "board");
  if (programs.size() > kMaxPrograms)
    throw Error(
        fmt::format("shared memory {}: {} programs, at most {}", shm_name, programs.size(), kMaxPrograms));
  const bip::shared_memory_object object = detail::create_object(shm_name, kBoardSize);
  try {
    bip::mapped_region pages = detail::map_part(shm_name, object, true, 0, kBoardSize);
    auto* base = as<std::byte>(pages);
    // The pages are zero; this only begins the lifetime of the atomics.
    auto* header = new (base) BoardHeader{};
    new (base + kSupervisorPage * kPage) SupervisorPage{};
    new (base + kConversationPage * kPage) ConversationPage{};
    new (base + kPlaybackPage * kPage) PlaybackPage{};
    for (std::size_t i = 0; i < kMaxPrograms; ++i) new (base + (kFirstStagePage + i) * kPage) StagePage{};
    header->abi_major = kAbiMajor;
    header->abi_minor = kAbiMinor;
    header->size = kBoardSize;
    detail::fill_text(header->instance, instance, shm_name);
    detail::fill_text(header->run_id, run_id, shm_name);
    header->program_count = static_cast<std::uint32_t>(programs.size());
    for (std::size_t i = 0; i < programs.size(); ++i)
      detail::fill_text(header->programs[i], programs[i], shm_name);
    header->crc = checksum(*header);
    header->magic.store(kBoardMagic, std::memory_order_release);
  } catch (...) {
    unlink_segment(shm_name);
    throw;
  }
  return open(shm_name, "supervisor");
}

Board Board::open(const std::string& shm_name, std::string_view writer) {
  std::size_t size = 0;
  const bip::shared_memory_object object = detail::open_object(shm_name, !writer.empty(), size);
  if (size != kBoardSize)
    throw Error(fmt::format("shared memory {}: {} bytes are no board", shm_name, size), detail::kRefused);

  Board board;
  board.regions_.reserve(kFirstStagePage + kMaxPrograms);
  const auto map = [&](bool writable, std::size_t page) -> bip::mapped_region& {
    return board.regions_.emplace_back(detail::map_part(shm_name, object, writable, page * kPage, kPage));
  };
  board.header_ = as<BoardHeader>(map(false, 0));
  require_valid(shm_name, *board.header_, size);
  board.own_ = board.find(writer);
  if (!writer.empty() && writer != "supervisor" && board.own_ < 0)
    throw Error(fmt::format("shared memory {}: it has no program '{}'", shm_name, writer));

  board.supervisor_ = as<SupervisorPage>(map(writer == "supervisor", kSupervisorPage));
  board.conversation_ = as<ConversationPage>(map(writer == "brain", kConversationPage));
  board.playback_ = as<PlaybackPage>(map(writer == "player", kPlaybackPage));
  for (std::size_t i = 0; i < kMaxPrograms; ++i)
    board.stages_[i] = as<StagePage>(map(board.own_ == static_cast<int>(i), kFirstStagePage + i));
  return board;
}

int Board::find(std::string_view program) const noexcept {
  for (std::uint32_t i = 0; i < header_->program_count; ++i)
    if (!program.empty() && text(header_->programs[i]) == program) return static_cast<int>(i);
  return -1;
}

Word& Board::counter(std::size_t program, std::string_view label) const noexcept {
  static Word nothing;  // what a reader gets for a counter that its writer has not made
  if (program >= kMaxPrograms) return nothing;
  StagePage& page = *stages_[program];
  const std::string_view name = label.substr(0, sizeof(Counter::label) - 1);
  const std::size_t count =
      std::min<std::size_t>(page.counter_count.load(std::memory_order_acquire), kMaxCounters);
  const auto same = [](std::string_view wanted) {
    return [wanted](const Counter& counter) { return text(counter.label) == wanted; };
  };
  Counter* const end = page.counters + count;
  Counter* found = std::find_if(page.counters, end, same(name));
  if (found != end) return found->value;
  if (own_ != static_cast<int>(program)) return nothing;
  if (count == kMaxCounters) return page.counters[kMaxCounters - 1].value;
  const std::string_view kept = count == kMaxCounters - 1 ? std::string_view("other") : name;
  std::memset(end->label, 0, sizeof end->label);
  std::memcpy(end->label, kept.data(), kept.size());
  page.counter_count.store(static_cast<std::uint32_t>(count + 1), std::memory_order_release);
  return end->value;
}

}  // namespace prot::ipc
