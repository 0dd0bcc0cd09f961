// Frames of every ring, as their readers take them apart. The first two bytes are kind and version, the rest
// is the payload.
#include "memory/queue/turn_record.hpp"
#include "tests/fuzz/fuzz_support.hpp"
#include "top/frame_tail.hpp"
#include "wire/memory.hpp"
#include "wire/names.hpp"
#include "wire/speech_in.hpp"
#include "wire/speech_out.hpp"

using namespace prot;
using namespace prot::fuzz;

namespace {

using Bytes = std::span<const std::byte>;

template <typename T>
unsigned decode(const ipc::FrameInfo& info, Bytes payload) {
  T head;
  Bytes tail;
  if (!wire::decode(info, payload, head, tail)) return 0;
  require(tail.size() + sizeof(T) == payload.size(), "head and tail are the payload");
  require(tail.empty() || tail.data() == payload.data() + sizeof(T), "the tail is behind the head");
  return 1;
}

template <typename... T>
unsigned decode_all(const ipc::FrameInfo& info, Bytes payload) {
  return (decode<T>(info, payload) + ...);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prot::wire;
  if (size < 2) return 0;
  ipc::FrameInfo info;
  info.kind = data[0];
  info.version = data[1];
  const Bytes payload = std::as_bytes(std::span(data + 2, size - 2));
  const unsigned kinds =
      decode_all<MicStart, MicAudio, MicPause, MicEnd, Hearing, Transcript, Segment, TurnEnd, PcmStart,
                 PcmAudio, PcmAlign, PcmSegmentEnd, PcmTurnEnd, Playback, Echo, UserMessage, ReplySegment,
                 ReplyEnd, RecallRequest, HistoryRequest, ForgetRequest, Unrecorded, RecallBlock, History,
                 Forgotten, KeyTerms, EndOfStream>(info, payload);
  require(kinds <= 1, "a frame is of one kind");
  for (const std::string& name : names_in(payload))
    require(!name.empty() && name.find('\n') == std::string::npos, "a name is a line");
  require(names_in(payload).size() <= kMostNames, "names are bounded");
  if (const auto record = memory::record_of(info, payload)) {
    require(memory::is_message(info), "what is kept is a message");
    require(utf8::is_valid(record->text) && record->text.find('\0') == std::string::npos,
            "a database can keep the text");
    require(record->wall_ns >= 0 && record->key.sequence <= INT64_MAX && record->last_sequence <= INT64_MAX &&
                record->segment <= INT32_MAX,
            "a database can keep the numbers");
    const memory::TurnRecord again = memory::from_json(memory::to_json(*record));
    require(memory::to_json(again) == memory::to_json(*record), "a file can keep it");
  }
  const std::string shown = top::escaped(std::string(wire::as_text(payload)));
  require(utf8::is_valid(shown) && shown.find_first_of("\n\r\x1B\x7F") == std::string::npos,
          "what is shown moves no cursor");
  require(!top::kind_name(info.kind).empty() && !top::flags_text(info.flags).empty(),
          "everything has a name");
  return 0;
}
