#include "poison.hpp"

#include <fmt/format.h>

#include <csignal>
#include <utility>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "frame_file.hpp"
#include "ipc/channel.hpp"
#include "ipc/crc32c.hpp"
#include "wire/frame.hpp"

namespace prot::supervisor {
namespace {

constexpr int kDeaths = 2;
constexpr std::size_t kMostSuspects = 16;  // for each ring; the oldest are forgotten

bool by_itself(const ExitStatus& status) noexcept {
  if (status.asked) return false;
  if (!status.by_signal()) return status.code != 0;
  for (const int outside : {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT})
    if (status.code == -outside) return false;
  return true;
}

std::string_view text(const char* field, std::size_t size) { return {field, ::strnlen(field, size)}; }

/// The frame as its dead-letter file has it; empty: it is not in the ring (any more), or it is the end of the
/// stream, without which nothing would end.
std::string copy_frame(const ipc::RingMemory& ring, std::uint64_t sequence) {
  // A consumer over a page of our own: the real one is not ours to write.
  ipc::RingConsumerPage page{};
  page.head.store(ring.consumer->head.load());
  ipc::RingMemory view = ring;
  view.consumer = &page;
  ipc::RingConsumer reader(view);
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (reader.peek(info, payload) == ipc::TakeResult::kFrame) {
    if (info.sequence < sequence) continue;
    if (info.sequence > sequence || wire::is<wire::EndOfStream>(info)) break;
    const ipc::RecordHeader header = header_of(info, payload.size());
    const auto total = static_cast<std::uint32_t>(sizeof header + payload.size());
    std::string bytes(reinterpret_cast<const char*>(&total), sizeof total);
    bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
    bytes.append(reinterpret_cast<const char*>(payload.data()), payload.size());
    const std::uint32_t crc = ipc::crc32c(std::as_bytes(std::span(bytes)));
    return bytes.append(reinterpret_cast<const char*>(&crc), sizeof crc);
  }
  return {};
}

}  // namespace

PoisonWatch::PoisonWatch(const std::vector<ipc::RingSegment>& rings, std::filesystem::path folder,
                         std::string run_id, KeptFiles kept)
    : rings_(&rings),
      folder_(std::move(folder)),
      run_id_(std::move(run_id)),
      kept_(kept),
      deaths_(rings.size()) {}

// Of several rings with a frame in hand the one that was looked at last.
PoisonWatch::Suspect PoisonWatch::suspect_of(std::string_view stage,
                                             std::uint32_t generation) const noexcept {
  Suspect suspect;
  std::uint64_t newest = 0;
  for (std::size_t i = 0; i < rings_->size(); ++i) {
    const ipc::RingMemory& memory = (*rings_)[i].memory();
    if (text(memory.header->consumer, sizeof memory.header->consumer) != stage) continue;
    // A process that died before it had attached left its predecessor's page.
    if (memory.consumer->generation.load(std::memory_order_acquire) != generation) continue;
    // One that ended because the ring is damaged says nothing about the frames before the damage.
    if (memory.consumer->state.load() == static_cast<std::uint32_t>(ipc::SideState::kFaulted)) continue;
    const std::uint64_t in_hand = memory.consumer->processing_seq.load();
    const std::uint64_t taken = memory.consumer->last_take_ns.load();
    if (in_hand == 0 || (suspect.found && taken <= newest)) continue;
    suspect = {i, in_hand - 1, true};
    newest = taken;
  }
  return suspect;
}

std::string PoisonWatch::on_death(std::string_view stage, std::uint32_t generation,
                                  const ExitStatus& status) {
  if (!by_itself(status)) return {};
  const Suspect suspect = suspect_of(stage, generation);
  if (!suspect.found) return {};
  const ipc::RingSegment& ring = (*rings_)[suspect.ring];
  if (ipc::is_set_aside(*ring.memory().supervisor, suspect.sequence)) return {};
  std::map<std::uint64_t, int>& deaths = deaths_[suspect.ring];
  if (++deaths[suspect.sequence] < kDeaths) {
    if (deaths.size() > kMostSuspects) deaths.erase(deaths.begin());
    return {};
  }
  try {
    std::string line = move_away(ring, suspect.sequence, stage);
    deaths.erase(suspect.sequence);
    return line;
  } catch (const Error& e) {
    // It stays, and is tried again at the next death: nothing is lost.
    return fmt::format("a frame that ends {} cannot be set aside: {}", stage, e.what());
  }
}

std::string PoisonWatch::move_away(const ipc::RingSegment& ring, std::uint64_t sequence,
                                   std::string_view stage) {
  const std::string bytes = copy_frame(ring.memory(), sequence);
  if (bytes.empty()) return {};
  const ipc::RingHeader& header = *ring.memory().header;
  const std::string_view name = text(header.name, sizeof header.name);
  make_private_directory(folder_);
  const std::filesystem::path file = folder_ / fmt::format("{}-{}-{}.frame", name, run_id_, sequence);
  write_durably(file, bytes);
  ipc::RingSupervisorPage& page = *ring.supervisor_page();
  const std::uint64_t before = page.poison_frames.load();
  page.set_aside_seq[before % ipc::kMaxSetAside].store(sequence + 1);
  page.poison_frames.store(before + 1, std::memory_order_release);
  std::string line =
      fmt::format("frame {} of {} ended {} twice: set aside in {}", sequence, name, stage, file.string());
  if (const std::size_t gone = remove_old_files(folder_, ".frame", kept_, wall_now()); gone > 0)
    line += fmt::format("; {} old ones there are removed (general.dead_letters)", gone);
  return line;
}

}  // namespace prot::supervisor
