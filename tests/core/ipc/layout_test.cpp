// doc/shared-memory.md describes the bytes; here it is read and compared with what the compiler made.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "ipc/board.hpp"
#include "ring_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

struct Place {
  std::size_t offset = 0;
  std::size_t size = 0;
};

using Fields = std::map<std::string, Place>;

std::string to_text(const Fields& fields) {
  std::map<std::size_t, std::pair<std::string, std::size_t>> by_offset;
  for (const auto& [name, place] : fields) by_offset[place.offset] = {name, place.size};
  std::ostringstream out;
  for (const auto& [offset, field] : by_offset)
    out << "| 0x" << std::hex << offset << std::dec << " | `" << field.first << "` | " << field.second
        << " |\n";
  return out.str();
}

std::string read_document() {
  std::ifstream file(PROT_SOURCE_ROOT "/doc/shared-memory.md");
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> cells(const std::string& row) {
  std::vector<std::string> found;
  std::istringstream in(row.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    const auto begin = cell.find_first_not_of(" `");
    const auto end = cell.find_last_not_of(" `");
    found.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
  }
  return found;
}

/// The rows of the table under "### NAME": offset, field, size.
Fields documented(const std::string& document, const std::string& name) {
  Fields fields;
  std::istringstream in(document);
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#")) inside = line.starts_with("### " + name + " ") || line == "### " + name;
    if (!inside || !line.starts_with("| 0x")) continue;
    const auto row = cells(line);
    REQUIRE(row.size() >= 6);  // offset, field, size, writer, order, meaning
    CHECK_FALSE(row[3].empty());
    CHECK_FALSE(row[4].empty());
    CHECK_FALSE(row[5].empty());
    fields[row[1]] = {std::stoul(row[0], nullptr, 16), std::stoul(row[2])};
  }
  return fields;
}

/// Nothing may lie between two listed fields but alignment, nor after the last: the list is whole.
void check_whole(const Fields& fields, std::size_t size) {
  std::map<std::size_t, std::size_t> by_offset;
  for (const auto& [name, place] : fields) by_offset[place.offset] = place.size;
  std::size_t end = 0;
  for (const auto& [offset, length] : by_offset) {
    CHECK(offset >= end);
    CHECK((offset - end < 8 || offset % kLine == 0));
    end = offset + length;
  }
  CHECK(size >= end);
  CHECK((size - end < 8 || (size % kLine == 0 && size - end < kLine)));
}

#define PROT_FIELD(type, field)                             \
  {                                                         \
#field, { offsetof(type, field), sizeof(type{}.field) } \
  }

Fields ring_header() {
  using T = RingHeader;
  return {PROT_FIELD(T, magic),       PROT_FIELD(T, abi_major), PROT_FIELD(T, abi_minor),
          PROT_FIELD(T, header_size), PROT_FIELD(T, capacity),  PROT_FIELD(T, max_frame),
          PROT_FIELD(T, align),       PROT_FIELD(T, run_id),    PROT_FIELD(T, ring_id),
          PROT_FIELD(T, policy),      PROT_FIELD(T, kind_mask), PROT_FIELD(T, schema_hash),
          PROT_FIELD(T, name),        PROT_FIELD(T, producer),  PROT_FIELD(T, consumer),
          PROT_FIELD(T, crc),         PROT_FIELD(T, use)};
}

Fields ring_supervisor() {
  using T = RingSupervisorPage;
  return {PROT_FIELD(T, producer_generation), PROT_FIELD(T, consumer_generation),
          PROT_FIELD(T, producer_pid),        PROT_FIELD(T, consumer_pid),
          PROT_FIELD(T, producer_closed),     PROT_FIELD(T, consumer_closed),
          PROT_FIELD(T, set_aside_seq),       PROT_FIELD(T, poison_frames)};
}

Fields ring_producer() {
  using T = RingProducerPage;
  return {PROT_FIELD(T, tail),
          PROT_FIELD(T, space_ticket),
          PROT_FIELD(T, slot),
          PROT_FIELD(T, generation),
          PROT_FIELD(T, state),
          PROT_FIELD(T, frames),
          PROT_FIELD(T, bytes),
          PROT_FIELD(T, drops),
          PROT_FIELD(T, full_events),
          PROT_FIELD(T, blocked_ns),
          PROT_FIELD(T, wakes),
          PROT_FIELD(T, waits),
          PROT_FIELD(T, late_wakes),
          PROT_FIELD(T, high_water_bytes),
          PROT_FIELD(T, last_publish_ns),
          PROT_FIELD(T, fault),
          PROT_FIELD(T, pressure_events)};
}

Fields ring_consumer() {
  using T = RingConsumerPage;
  return {PROT_FIELD(T, head),           PROT_FIELD(T, data_ticket),   PROT_FIELD(T, generation),
          PROT_FIELD(T, state),          PROT_FIELD(T, frames),        PROT_FIELD(T, bytes),
          PROT_FIELD(T, skipped_frames), PROT_FIELD(T, skipped_bytes), PROT_FIELD(T, stale_frames),
          PROT_FIELD(T, faults),         PROT_FIELD(T, wakes),         PROT_FIELD(T, waits),
          PROT_FIELD(T, late_wakes),     PROT_FIELD(T, last_take_ns),  PROT_FIELD(T, last_release_ns),
          PROT_FIELD(T, processing_seq), PROT_FIELD(T, max_lag_ns),    PROT_FIELD(T, fault)};
}

Fields resume_slot() {
  using T = ResumeSlot;
  return {PROT_FIELD(T, end), PROT_FIELD(T, sequence), PROT_FIELD(T, source)};
}

Fields record_header() {
  using T = RecordHeader;
  return {PROT_FIELD(T, length),         PROT_FIELD(T, kind),    PROT_FIELD(T, version),
          PROT_FIELD(T, flags),          PROT_FIELD(T, turn),    PROT_FIELD(T, crc),
          PROT_FIELD(T, sequence),       PROT_FIELD(T, made_ns), PROT_FIELD(T, published_ns),
          PROT_FIELD(T, source_sequence)};
}

Fields board_header() {
  using T = BoardHeader;
  return {PROT_FIELD(T, magic),         PROT_FIELD(T, abi_major), PROT_FIELD(T, abi_minor),
          PROT_FIELD(T, size),          PROT_FIELD(T, instance),  PROT_FIELD(T, run_id),
          PROT_FIELD(T, program_count), PROT_FIELD(T, programs),  PROT_FIELD(T, crc)};
}

Fields board_supervisor() {
  using T = SupervisorPage;
  return {PROT_FIELD(T, pid),          PROT_FIELD(T, start_time),
          PROT_FIELD(T, heartbeat_ns), PROT_FIELD(T, started_wall_ns),
          PROT_FIELD(T, drain),        PROT_FIELD(T, log_level),
          PROT_FIELD(T, programs)};
}

Fields program_entry() {
  using T = ProgramEntry;
  return {PROT_FIELD(T, pid),        PROT_FIELD(T, generation), PROT_FIELD(T, state),
          PROT_FIELD(T, restarts),   PROT_FIELD(T, last_exit),  PROT_FIELD(T, degraded),
          PROT_FIELD(T, started_ns), PROT_FIELD(T, ready_ns),   PROT_FIELD(T, log_level),
          PROT_FIELD(T, timers)};
}

Fields conversation() {
  using T = ConversationPage;
  return {PROT_FIELD(T, state),         PROT_FIELD(T, voice_turn),    PROT_FIELD(T, cancelled_turn),
          PROT_FIELD(T, hold_until_ns), PROT_FIELD(T, utterance),     PROT_FIELD(T, turns_done),
          PROT_FIELD(T, last_message),  PROT_FIELD(T, turn_began_ns), PROT_FIELD(T, turns)};
}

Fields turn_log() {
  using T = TurnLog;
  return {PROT_FIELD(T, count), PROT_FIELD(T, slots)};
}

Fields turn_slot() {
  using T = TurnSlot;
  return {PROT_FIELD(T, sequence),      PROT_FIELD(T, turn),          PROT_FIELD(T, utterance),
          PROT_FIELD(T, flags),         PROT_FIELD(T, prompt_tokens), PROT_FIELD(T, cached_tokens),
          PROT_FIELD(T, recall_tokens), PROT_FIELD(T, wait_ms),       PROT_FIELD(T, end_probability),
          PROT_FIELD(T, stamps),        PROT_FIELD(T, model)};
}

Fields playback() {
  using T = PlaybackPage;
  return {PROT_FIELD(T, turn),        PROT_FIELD(T, segment),     PROT_FIELD(T, samples_heard),
          PROT_FIELD(T, bytes_heard), PROT_FIELD(T, sample_rate), PROT_FIELD(T, playing),
          PROT_FIELD(T, at_ns)};
}

Fields stage_page() {
  using T = StagePage;
  return {PROT_FIELD(T, heartbeat_ns),  PROT_FIELD(T, loops),    PROT_FIELD(T, work),
          PROT_FIELD(T, busy_ns),       PROT_FIELD(T, wait_ns),  PROT_FIELD(T, max_loop_ns),
          PROT_FIELD(T, asleep),        PROT_FIELD(T, pid),      PROT_FIELD(T, engine),
          PROT_FIELD(T, counter_count), PROT_FIELD(T, counters), PROT_FIELD(T, busy_until_ns)};
}

Fields counter() {
  using T = Counter;
  return {PROT_FIELD(T, label), PROT_FIELD(T, value)};
}

struct Table {
  const char* name;
  Fields fields;
  std::size_t size;
};

const Table kTables[] = {
    {"RingHeader", ring_header(), sizeof(RingHeader)},
    {"RingSupervisorPage", ring_supervisor(), sizeof(RingSupervisorPage)},
    {"RingProducerPage", ring_producer(), sizeof(RingProducerPage)},
    {"ResumeSlot", resume_slot(), sizeof(ResumeSlot)},
    {"RingConsumerPage", ring_consumer(), sizeof(RingConsumerPage)},
    {"RecordHeader", record_header(), sizeof(RecordHeader)},
    {"BoardHeader", board_header(), sizeof(BoardHeader)},
    {"SupervisorPage", board_supervisor(), sizeof(SupervisorPage)},
    {"ProgramEntry", program_entry(), sizeof(ProgramEntry)},
    {"ConversationPage", conversation(), sizeof(ConversationPage)},
    {"TurnLog", turn_log(), sizeof(TurnLog)},
    {"TurnSlot", turn_slot(), sizeof(TurnSlot)},
    {"PlaybackPage", playback(), sizeof(PlaybackPage)},
    {"StagePage", stage_page(), sizeof(StagePage)},
    {"Counter", counter(), sizeof(Counter)},
};

/// The bytes of the code block that follows `marker`: "OFFSET: hex hex ...  text".
std::vector<std::byte> dump_after(const std::string& document, const std::string& marker) {
  const auto begin = document.find("```hexdump\n", document.find(marker));
  REQUIRE(begin != std::string::npos);
  std::istringstream in(document.substr(begin + 11, document.find("```", begin + 11) - begin - 11));
  std::vector<std::byte> found;
  for (std::string line; std::getline(in, line);) {
    std::istringstream bytes_of_line(line.substr(line.find(':') + 1, 49));
    for (std::string hex; bytes_of_line >> hex;)
      found.push_back(static_cast<std::byte>(std::stoul(hex, nullptr, 16)));
  }
  return found;
}

}  // namespace

TEST_CASE("every field is where doc/shared-memory.md says, and the document leaves none out") {
  const std::string document = read_document();
  for (const Table& table : kTables) {
    INFO("table ", std::string(table.name), " as the compiler has it:\n", to_text(table.fields));
    CHECK(to_text(documented(document, table.name)) == to_text(table.fields));
    check_whole(table.fields, table.size);
  }
}

TEST_CASE("the constants of doc/shared-memory.md are the program's") {
  const std::string document = read_document();
  const auto says = [&](const std::string& name, std::uint64_t value) {
    INFO(name, " = ", value);
    CHECK(document.find("| `" + name + "` | " + std::to_string(value) + " |") != std::string::npos);
  };
  says("abi_major", kAbiMajor);
  says("abi_minor", kAbiMinor);
  says("page", kPage);
  says("line", kLine);
  says("supervisor page at", kSupervisorOffset);
  says("producer page at", kProducerOffset);
  says("consumer page at", kConsumerOffset);
  says("data at", kDataOffset);
  says("record header", sizeof(RecordHeader));
  says("sources", kMaxSources);
  says("set aside", kMaxSetAside);
  says("programs", kMaxPrograms);
  says("counters", kMaxCounters);
  says("board size", kBoardSize);
  says("kBlock", static_cast<std::uint64_t>(Policy::kBlock));
  says("kDropNewest", static_cast<std::uint64_t>(Policy::kDropNewest));
  says("kKeepLatest", static_cast<std::uint64_t>(Policy::kKeepLatest));
  says("kFlagGap", kFlagGap);
  says("kFlagResync", kFlagResync);
  says("kFlagRestarted", kFlagRestarted);
  const PeerFault faults[] = {PeerFault::kIndex,    PeerFault::kPadding, PeerFault::kLength,
                              PeerFault::kChecksum, PeerFault::kKind,    PeerFault::kSequence,
                              PeerFault::kSlot};
  const char* names[] = {"kIndex", "kPadding", "kLength", "kChecksum", "kKind", "kSequence", "kSlot"};
  for (std::size_t i = 0; i < std::size(faults); ++i) says(names[i], static_cast<std::uint64_t>(faults[i]));
}

TEST_CASE("the magics spell their names") {
  CHECK(std::memcmp(&kRingMagic, "PROTRNG1", 8) == 0);
  CHECK(std::memcmp(&kBoardMagic, "PROTBRD1", 8) == 0);
}

TEST_CASE("the worked example of doc/shared-memory.md is what a producer writes") {
  const std::string document = read_document();
  MemoryRing memory(65536);
  memory.start_at(65536 - 32, 5);
  RingProducer producer(memory.memory());
  FrameInfo info;
  info.kind = 20;
  info.version = 1;
  info.turn = 7;
  info.made_ns = 1000;
  Sources sources;
  sources.seq[0] = 3;
  REQUIRE(producer.publish(info, bytes("hi"), sources, 2000) == PublishResult::kOk);
  const auto same = [&](const std::vector<std::byte>& expected, const std::byte* real) {
    std::ostringstream out;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (i % 16 == 0) out << "\n";
      out << std::hex << (real[i] < std::byte{16} ? "0" : "") << static_cast<unsigned>(real[i]) << " ";
    }
    INFO("the program writes ", out.str());
    CHECK(std::memcmp(expected.data(), real, expected.size()) == 0);
  };
  const auto padding = dump_after(document, "The padding record:");
  const auto record = dump_after(document, "The record behind it:");
  CHECK(padding.size() == 16);
  CHECK(record.size() == 64);
  same(padding, memory.data() + 65536 - 32);
  same(record, memory.data());
  CHECK(document.find("`tail` becomes " + std::to_string(memory.producer.tail.load())) != std::string::npos);
  CHECK(memory.producer.slot[1].end == memory.producer.tail);
  CHECK(memory.producer.slot[1].sequence == 5);
  CHECK(memory.producer.slot[1].source[0] == 3);
}
