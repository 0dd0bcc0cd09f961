#include "audio/wav_file.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "audio/wav_head.hpp"
#include "base/error.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
namespace fs = std::filesystem;

namespace {

std::string bytes(std::uint32_t value, int size) {
  std::string out;
  for (int i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::string chunk(const std::string& id, const std::string& content) {
  return id + bytes(static_cast<std::uint32_t>(content.size()), 4) + content +
         (content.size() % 2 == 1 ? std::string(1, '\0') : "");
}
std::string format(unsigned tag, unsigned channels, unsigned rate, unsigned bits) {
  const unsigned frame = channels * bits / 8;
  return chunk("fmt ", bytes(tag, 2) + bytes(channels, 2) + bytes(rate, 4) + bytes(rate * frame, 4) +
                           bytes(frame, 2) + bytes(bits, 2));
}
std::string riff(const std::string& chunks) {
  return "RIFF" + bytes(static_cast<std::uint32_t>(chunks.size() + 4), 4) + "WAVE" + chunks;
}

std::vector<std::int16_t> samples_of(const test::TempFolder& folder, const std::string& content) {
  std::ofstream(folder.path() / "x.wav", std::ios::binary) << content;
  return audio::WavReader(folder.path() / "x.wav").read_all();
}
std::string error_of(const test::TempFolder& folder, const std::string& content) {
  try {
    (void)samples_of(folder, content);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

using Samples = std::vector<std::int16_t>;

}  // namespace

TEST_CASE("a head says what comes behind it, or that nobody knows how much") {
  const std::string known = audio::wav_head({.rate = 8'000, .channels = 2}, 12);
  CHECK(known.size() == static_cast<std::size_t>(audio::kWavHeadBytes));
  CHECK(known + std::string(12, 'a') == riff(format(1, 2, 8000, 16) + chunk("data", std::string(12, 'a'))));
  const std::string endless = audio::wav_head({.rate = 22'050, .channels = 1}, audio::kUnknownSize);
  CHECK(endless.substr(4, 4) == "\xff\xff\xff\xff");
  CHECK(endless.substr(40) == "\xff\xff\xff\xff");
  const test::TempFolder folder;
  CHECK(samples_of(folder, endless + "\x01\x02\x03\x04") == Samples{0x0201, 0x0403});
}

TEST_CASE("what is written is read back") {
  const test::TempFolder folder;
  Samples samples(40'000);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::int16_t>(i * 7);
  audio::WavWriter writer(folder.path() / "a.wav", {.rate = 16'000, .channels = 1});
  writer.write(samples);
  CHECK(writer.frames() == 40'000);
  writer.close();
  audio::WavReader reader(folder.path() / "a.wav");
  CHECK(reader.rate() == 16'000);
  CHECK(reader.channels() == 1);
  CHECK(reader.frames() == 40'000);
  CHECK(reader.read_all() == samples);
  Samples none(10);
  CHECK(reader.read(none) == 0);
}

TEST_CASE("a writer that is killed leaves a valid file") {
  const test::TempFolder folder;
  audio::WavWriter writer(folder.path() / "a.wav", {.rate = 8'000, .channels = 1});
  for (int i = 0; i < 35; ++i) writer.write(Samples(800, 5));  // 3.5 s
  // Nothing was closed: this is what a kill leaves on the disk.
  const fs::path copy = folder.path() / "copy.wav";
  fs::copy_file(folder.path() / "a.wav", copy);
  CHECK(audio::WavReader(copy).frames() >= 3 * 8'000);
  CHECK(audio::WavReader(copy).read_all().back() == 5);
}

TEST_CASE("samples of every width become 16 bits") {
  const test::TempFolder folder;
  CHECK(samples_of(folder, riff(format(1, 1, 8000, 8) + chunk("data", std::string("\x80\xFF\x00", 3)))) ==
        Samples{0, 32512, -32768});
  CHECK(
      samples_of(folder, riff(format(1, 1, 8000, 16) + chunk("data", bytes(0x1234, 2) + bytes(0x8000, 2)))) ==
      Samples{0x1234, -32768});
  CHECK(samples_of(folder,
                   riff(format(1, 1, 8000, 24) + chunk("data", bytes(0x123400, 3) + bytes(0x800000, 3)))) ==
        Samples{0x1234, -32768});
  CHECK(samples_of(folder, riff(format(1, 1, 8000, 32) + chunk("data", bytes(0x12340000, 4)))) ==
        Samples{0x1234});
  const auto real = [](float value) { return bytes(std::bit_cast<std::uint32_t>(value), 4); };
  CHECK(samples_of(folder,
                   riff(format(3, 1, 8000, 32) + chunk("data", real(0.5F) + real(-2.0F) + real(2.0F)))) ==
        Samples{16384, -32768, 32767});
}

TEST_CASE("channels are averaged, unknown chunks skipped, the extensible format understood") {
  const test::TempFolder folder;
  const std::string data = chunk("data", bytes(100, 2) + bytes(300, 2));
  CHECK(samples_of(folder, riff(format(1, 2, 8000, 16) + data)) == Samples{200});
  CHECK(samples_of(folder, riff(chunk("LIST", "odd") + format(1, 2, 8000, 16) + chunk("x   ", "") + data)) ==
        Samples{200});
  std::string extensible = format(0xFFFE, 2, 8000, 16).substr(8) + bytes(22, 2) + bytes(16, 2) + bytes(3, 4) +
                           bytes(1, 2) + std::string(14, 'g');
  CHECK(samples_of(folder, riff(chunk("fmt ", extensible) + data)) == Samples{200});
}

TEST_CASE("a data chunk that promises too much, or nothing, ends at the end of the file") {
  const test::TempFolder folder;
  const std::string head = riff(format(1, 1, 8000, 16));
  const std::string two = bytes(1, 2) + bytes(2, 2);
  CHECK(samples_of(folder, head + "data" + bytes(5000, 4) + two) == Samples{1, 2});
  CHECK(samples_of(folder, head + "data" + bytes(0xFFFFFFFF, 4) + two) == Samples{1, 2});
  CHECK(samples_of(folder, head + "data" + bytes(0, 4) + two) == Samples{1, 2});
  CHECK(samples_of(folder, head + "data" + bytes(4, 4) + two + "\x01") == Samples{1, 2});
  CHECK(samples_of(folder, head + "data" + bytes(0, 4)).empty());
}

TEST_CASE("what is no WAV file is refused with a reason") {
  const test::TempFolder folder;
  CHECK(has(error_of(folder, ""), "not a WAV file"));
  CHECK(has(error_of(folder, "hello, this is text and no sound"), "no RIFF/WAVE header"));
  CHECK(has(error_of(folder, riff("")), "no format chunk"));
  CHECK(has(error_of(folder, riff(format(1, 1, 8000, 16))), "no data chunk"));
  CHECK(has(error_of(folder, riff(chunk("data", "xx"))), "before the data"));
  CHECK(has(error_of(folder, riff(chunk("fmt ", "short"))), "format chunk too short"));
  CHECK(has(error_of(folder, riff(format(1, 0, 8000, 16) + chunk("data", ""))), "0 channels"));
  CHECK(has(error_of(folder, riff(format(1, 1, 0, 16) + chunk("data", ""))), "rate of 0 Hz"));
  CHECK(has(error_of(folder, riff(format(85, 1, 8000, 16) + chunk("data", ""))), "encoding 85"));
  CHECK(has(error_of(folder, riff(format(1, 1, 8000, 12) + chunk("data", ""))), "12 bits"));
  CHECK_THROWS_WITH_AS(audio::WavReader("/nowhere/a.wav"),
                       "cannot open /nowhere/a.wav: No such file or directory", Error);
  CHECK_THROWS_AS(audio::WavReader(folder.path()), Error);
  CHECK_THROWS_AS(audio::WavWriter(folder.path() / "no" / "a.wav", {}), Error);
}

TEST_CASE("a damaged file is read or refused, never worse") {
  const test::TempFolder folder;
  const std::string good = riff(format(1, 2, 8000, 16) + chunk("data", std::string(200, 'a')));
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good.substr(0, random() % (good.size() + 1));
    for (int i = 0; i < 3 && !bad.empty(); ++i)
      bad[random() % std::min<std::size_t>(bad.size(), 48)] = static_cast<char>(random());
    CHECK_NOTHROW((void)error_of(folder, bad));
  }
}

TEST_CASE("the header tells the sizes") {
  const test::TempFolder folder;
  { audio::WavWriter(folder.path() / "a.wav", {.rate = 24'000, .channels = 1}).write(Samples{1, 2, 3}); }
  const std::string content = read_file(folder.path() / "a.wav");
  CHECK(content == riff(format(1, 1, 24'000, 16) + chunk("data", bytes(1, 2) + bytes(2, 2) + bytes(3, 2))));
}
