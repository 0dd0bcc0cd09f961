#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "memory/queue/spool.hpp"

namespace prot::memory::test {

/// All of a spool's file at once.
struct SpoolContent {
  std::vector<TurnRecord> records;
  std::uint64_t skipped = 0;
  bool bad = false;
};

inline SpoolContent content_of(SpoolForm form, std::span<const std::byte> bytes) {
  SpoolReader reader(form, ipc::RecordReader(bytes));
  SpoolContent content;
  content.records = reader.next(1'000'000);
  content.skipped = reader.skipped();
  content.bad = !reader.problem().empty();
  return content;
}

inline std::vector<std::byte> bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace prot::memory::test
