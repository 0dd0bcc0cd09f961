// Files of records: what is damaged costs itself alone, what is read is written the same. The first byte says
// what the rest is: 'J' lines of JSON, each a record of a .spool; 'F' frames of a .frames file, each a line
// "KIND VERSION PAYLOAD"; 'S' bytes whose checksums are made right; anything else bytes as they are.
#include <algorithm>
#include <charconv>
#include <vector>

#include "ipc/crc32c.hpp"
#include "ipc/layout.hpp"
#include "memory/queue/spool.hpp"
#include "memory/queue/turn_record.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using namespace prot::memory;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

template <typename Take>
void each_line(std::string_view text, Take&& take) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.empty()) take(line);
  }
}

unsigned number(std::string_view& line) {
  unsigned value = 0;
  const auto end = std::from_chars(line.data(), line.data() + line.size(), value).ptr;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  if (line.starts_with(' ')) line.remove_prefix(1);
  return value;
}

std::string frame(std::string_view line) {
  ipc::RecordHeader header{};
  header.kind = static_cast<std::uint8_t>(number(line));
  header.version = static_cast<std::uint8_t>(number(line));
  header.length = static_cast<std::uint32_t>(line.size());
  if (line.starts_with("~")) header.length += 7;  // longer than its record
  return std::string(reinterpret_cast<const char*>(&header), sizeof header).append(line);
}

/// With the checksum of whatever may be a record.
std::string sealed(std::string bytes) {
  for (std::size_t at = 0; at + 8 < bytes.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    if (length == 0 || length > bytes.size() - at - 8) {
      ++at;
      continue;
    }
    const std::uint32_t crc = ipc::crc32c(bytes_of(bytes).subspan(at + 8, length));
    std::memcpy(bytes.data() + at + 4, &crc, sizeof crc);
    at += 8 + length;
  }
  return bytes;
}

std::string file_of(std::string_view input) {
  std::string file;
  if (input.starts_with('J'))
    each_line(input.substr(1), [&](auto line) { ipc::append_record(file, bytes_of(line)); });
  if (input.starts_with('F'))
    each_line(input.substr(1), [&](auto line) { ipc::append_record(file, bytes_of(frame(line))); });
  if (!file.empty()) return file;
  return input.starts_with('S') ? sealed(std::string(input.substr(1))) : std::string(input);
}

struct Read {
  std::vector<std::string> bodies;
  std::uint64_t damaged = 0;
  std::uint64_t damaged_at = 0;
};

Read read(ipc::RecordReader reader) {
  Read out;
  std::span<const std::byte> body;
  while (reader.next(body)) out.bodies.emplace_back(reinterpret_cast<const char*>(body.data()), body.size());
  out.damaged = reader.damaged();
  out.damaged_at = reader.damaged_at();
  return out;
}

bool same(const Read& a, const Read& b) {
  return a.bodies == b.bodies && a.damaged == b.damaged && a.damaged_at == b.damaged_at;
}

void check_records(std::string_view file) {
  const Read whole = read(ipc::RecordReader(bytes_of(file)));
  Dice dice(file);
  const auto slowly = [&](std::uint64_t offset, std::span<std::byte> into) {
    const std::size_t at = std::min<std::size_t>(offset, file.size());
    const std::size_t count = std::min({into.size(), file.size() - at, dice.upto(8000)});
    std::memcpy(into.data(), file.data() + at, count);
    return count;
  };
  require(same(whole, read(ipc::RecordReader(slowly))), "slow reading gives the same records");
  const MemoryFile disk(file);
  require(same(whole, read(ipc::RecordReader(disk.fd()))), "a file gives the same records");
  std::string kept;
  for (const std::string& body : whole.bodies) ipc::append_record(kept, bytes_of(body));
  require(kept.size() + whole.damaged <= file.size(), "no byte is counted twice");
  require(whole.damaged == 0 || whole.damaged_at < file.size(), "damage has a place");
  const Read again = read(ipc::RecordReader(bytes_of(kept)));
  require(again.bodies == whole.bodies && again.damaged == 0, "what is left is whole");
  // A damaged byte between costs no record.
  const Read torn = read(ipc::RecordReader(bytes_of(kept + "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF" + kept)));
  require(torn.bodies.size() == 2 * whole.bodies.size(), "damage costs itself alone");
}

void check_form(std::string_view file, SpoolForm form) {
  SpoolReader reader(form, ipc::RecordReader(bytes_of(file)));
  std::vector<TurnRecord> records;
  for (std::vector<TurnRecord> some = reader.next(3); !some.empty(); some = reader.next(3))
    for (TurnRecord& record : some) records.push_back(std::move(record));
  require(utf8::is_valid(reader.problem()), "a problem is told");
  const std::string bytes = spool_bytes(records);
  SpoolReader again(SpoolForm::kSpool, ipc::RecordReader(bytes_of(bytes)));
  for (const TurnRecord& record : records) {
    require(utf8::is_valid(record.text) && record.text.find('\0') == std::string::npos,
            "a database can keep the text");
    const std::vector<TurnRecord> one = again.next(1);
    require(one.size() == 1 && to_json(one[0]) == to_json(record) && one[0].text == record.text &&
                one[0].key == record.key && one[0].kind == record.kind,
            "a record that is put aside comes back");
    (void)message_of(record);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string file = file_of(text_of(data, size));
  check_records(file);
  check_form(file, SpoolForm::kSpool);
  check_form(file, SpoolForm::kFrames);
  return 0;
}
