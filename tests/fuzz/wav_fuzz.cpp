// WAV files, from a disk and from a service that streams one: what a head promises is not believed.
#include <optional>
#include <vector>

#include "audio/wav_file.hpp"
#include "audio/wav_head.hpp"
#include "tests/fuzz/fuzz_support.hpp"
#include "tts/voices/wav_stream.hpp"

using namespace prot;
using namespace prot::fuzz;

namespace {

using Samples = std::vector<std::int16_t>;

Samples in_blocks(const std::string& path, Dice& dice) {
  audio::WavReader reader(path);
  Samples all;
  for (;;) {
    Samples block(dice.upto(1000));
    const std::size_t got = reader.read(block);
    require(got <= block.size(), "it fills no more than there is");
    if (got == 0) return all;
    all.insert(all.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got));
  }
}

void check_file(std::string_view bytes) {
  const MemoryFile file(bytes);
  try {
    audio::WavReader reader(file.path());
    require(reader.channels() >= 1 && reader.channels() <= 64, "the number of channels is checked");
    require(reader.rate() >= 1000 && reader.rate() <= 768'000, "the rate is checked");
    require(reader.frames() >= 0, "frames are counted");
    require(static_cast<std::uint64_t>(reader.frames()) * reader.channels() <= bytes.size(),
            "there are no more frames than bytes");
    const Samples all = reader.read_all();
    require(all.size() == static_cast<std::uint64_t>(reader.frames()), "all frames can be read");
    Dice dice(bytes);
    require(all == in_blocks(file.path(), dice), "blocks give the same samples");
    const MemoryFile copy({});
    audio::WavWriter writer(copy.path(), {reader.rate(), 1});
    writer.write(all);
    writer.close();
    audio::WavReader again(copy.path());
    require(again.rate() == reader.rate() && again.channels() == 1 && again.read_all() == all,
            "what is written is read");
  } catch (const Error& error) {
    require(utf8::is_valid(error.what()), "the refusal is text");
  }
}

struct Streamed {
  bool refused = false;
  bool begun = false;
  std::string samples;
  tts::WavHead::Format format;
};

Streamed stream(std::string_view bytes, Split split) {
  Streamed out;
  tts::WavHead head;
  in_pieces(bytes, split, [&](std::string_view piece) {
    if (out.refused) return;
    if (out.begun) {
      out.samples += piece;
      return;
    }
    try {
      const std::optional<std::string> first = head.push(piece);
      if (!first) return;
      out.begun = true;
      out.samples = *first;
      out.format = head.format();
    } catch (const Error&) {
      out.refused = true;
    }
  });
  return out;
}

void check_stream(std::string_view bytes) {
  const Streamed whole = stream(bytes, Split::kNone);
  require(!whole.begun || whole.format.rate != 0, "samples have a format");
  require(!whole.begun || bytes.ends_with(whole.samples), "samples are the end of what came");
  for (const Split split : {Split::kBytes, Split::kAny}) {
    const Streamed other = stream(bytes, split);
    require(whole.refused == other.refused && whole.begun == other.begun, "pieces say the same");
    require(whole.samples == other.samples && whole.format.rate == other.format.rate &&
                whole.format.channels == other.format.channels && whole.format.bits == other.format.bits,
            "pieces give the same samples");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_file(text_of(data, size));
  check_stream(text_of(data, size));
  return 0;
}
