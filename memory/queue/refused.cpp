#include "queue/refused.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/error.hpp"
#include "base/sync_folder.hpp"

namespace prot::memory {
namespace {

/// 0: none of ours.
std::int64_t number_of(const std::filesystem::path& file) {
  const std::string name = file.stem().string();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

}  // namespace

void Refused::add(const TurnRecord& record) {
  writer_.close_file();  // so they go one by one
  writer_.append({&record, 1});
}

std::vector<Refused::Letter> Refused::newest(std::size_t most) const {
  std::vector<Letter> letters;
  std::vector<std::filesystem::path> files = spool_files(folder_, ".spool");
  std::reverse(files.begin(), files.end());
  for (const std::filesystem::path& path : files) {
    if (letters.size() == most) break;
    const SpoolFile file(path);
    SpoolReader reader(SpoolForm::kSpool, file.records());
    for (TurnRecord& record : reader.next(1)) letters.push_back({number_of(path), std::move(record)});
  }
  return letters;
}

std::vector<std::filesystem::path> Refused::meant(std::span<const std::int64_t> numbers, bool all) const {
  std::vector<std::filesystem::path> files = spool_files(folder_, ".spool");
  std::erase_if(files, [&](const std::filesystem::path& file) {
    return !all && std::find(numbers.begin(), numbers.end(), number_of(file)) == numbers.end();
  });
  return files;
}

int Refused::retry(std::span<const std::int64_t> numbers, bool all) {
  writer_.close_file();
  const std::vector<std::filesystem::path> files = meant(numbers, all);
  for (const std::filesystem::path& file : files) {
    const std::filesystem::path place = spool_ / file.filename();
    std::error_code ignored;
    if (::link(file.c_str(), place.c_str()) != 0 && !std::filesystem::equivalent(file, place, ignored))
      throw Error("cannot put " + file.string() + " back into the spool");
  }
  if (!files.empty()) sync_folder(spool_);
  return drop(numbers, all);
}

int Refused::drop(std::span<const std::int64_t> numbers, bool all) {
  writer_.close_file();
  const std::vector<std::filesystem::path> files = meant(numbers, all);
  for (const std::filesystem::path& file : files)
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) throw errno_error("cannot remove " + file.string());
  return static_cast<int>(files.size());
}

}  // namespace prot::memory
