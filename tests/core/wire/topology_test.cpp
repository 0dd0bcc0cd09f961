#include "wire/topology.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "wire/memory.hpp"
#include "wire/names.hpp"
#include "wire/speech_in.hpp"
#include "wire/speech_out.hpp"

using namespace prot;

TEST_CASE("every ring has two different stages as its ends and a name of its own") {
  std::set<std::string_view> names;
  for (const wire::RingInfo& ring : wire::kRings) {
    CHECK(names.insert(ring.name).second);
    CHECK(wire::is_stage(ring.producer));
    CHECK(wire::is_stage(ring.consumer));
    CHECK(ring.producer != ring.consumer);
  }
}

TEST_CASE("every ring's largest frame fits four times and its capacity is a power of two") {
  for (const wire::RingInfo& ring : wire::kRings) {
    CHECK((ring.capacity & (ring.capacity - 1)) == 0);
    CHECK(ring.max_frame <= ring.capacity / 4);
  }
}

TEST_CASE("mic holds 60 s of speech, because stt releases it only after the final transcript") {
  const wire::RingInfo* mic = wire::find_ring("mic");
  REQUIRE(mic != nullptr);
  const std::size_t payload = sizeof(wire::MicAudio) + wire::kMicWindow * sizeof(std::int16_t);
  const std::size_t record = (sizeof(ipc::RecordHeader) + payload + 15) / 16 * 16;
  CHECK(mic->capacity / record >= 60 * wire::kMicRate / wire::kMicWindow);
}

TEST_CASE("no stage reads more rings than a resume slot can note") {
  for (const std::string_view stage : wire::kDrainOrder)
    CHECK(wire::inputs_of(stage).size() <= ipc::kMaxSources);
}

TEST_CASE("the drain order is the order in which frames flow") {
  const auto position = [](std::string_view stage) {
    return std::find(wire::kDrainOrder.begin(), wire::kDrainOrder.end(), stage) - wire::kDrainOrder.begin();
  };
  for (const std::string_view ring : {"mic", "transcript", "speech", "pcm", "turns"}) {
    const wire::RingInfo* info = wire::find_ring(ring);
    CHECK(position(info->producer) < position(info->consumer));
  }
}

TEST_CASE("a frame is decoded only as what it is") {
  wire::Hearing hearing{};
  hearing.what = wire::Heard::kConfirmed;
  ipc::FrameInfo info;
  info.kind = static_cast<std::uint8_t>(wire::Hearing::kKind);
  info.version = wire::Hearing::kVersion;
  const auto bytes = std::as_bytes(std::span(&hearing, 1));
  wire::Hearing out{};
  std::span<const std::byte> tail;
  CHECK(wire::decode(info, bytes, out, tail));
  CHECK(out.what == wire::Heard::kConfirmed);
  CHECK(tail.empty());

  CHECK_FALSE(wire::decode(info, bytes.first(4), out, tail));  // too short
  info.version = 9;
  CHECK_FALSE(wire::decode(info, bytes, out, tail));
  info.version = 1;
  info.kind = static_cast<std::uint8_t>(wire::Transcript::kKind);
  CHECK_FALSE(wire::decode(info, bytes, out, tail));
}

TEST_CASE("the longest list of names fits into a frame, and is read as it was written") {
  constexpr std::size_t kCharacter = 4;  // bytes, at most
  CHECK(sizeof(wire::KeyTerms) + wire::kMostNames * (wire::kLongestName * kCharacter + 1) <=
        wire::find_ring("names")->max_frame);
  const auto names = [](std::string_view text) { return wire::names_in(wire::as_bytes(text)); };
  CHECK(names("") == std::vector<std::string>{});
  CHECK(names("Mungo\n\n녹차\n") == std::vector<std::string>{"Mungo", "녹차"});
  CHECK(names(std::string(300, '\n') + "a\n" + std::string(300, 'b')).size() == 2);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "x\n";
  CHECK(names(many).size() == wire::kMostNames);
}
