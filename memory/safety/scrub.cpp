#include "safety/scrub.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "json/json.hpp"
#include "safety/mentions.hpp"
#include "text/normalize.hpp"

namespace prot::memory {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kLeast = 4;   // bytes: less stands in everything
constexpr std::size_t kShort = 24;  // bytes: could be a part of something else
constexpr std::size_t kHead = 4;    // bytes by which a text is looked for

/// A line break as JSON writes it is no letter of the word behind it.
bool behind_escape(std::string_view bytes, std::size_t at) noexcept {
  return at >= 2 && bytes[at - 2] == '\\' &&
         std::string_view("nrt").find(bytes[at - 1]) != std::string_view::npos;
}

std::uint32_t head_of(const char* bytes) noexcept {
  std::uint32_t head = 0;
  std::memcpy(&head, bytes, kHead);
  return head;
}

/// Texts by how they begin: a file is gone through once, however many they are. All in lower case, as the
/// bytes that are looked at must be.
class Needles {
 public:
  explicit Needles(std::span<const std::string> texts) {
    for (const std::string& text : texts) {
      add(text);
      const std::string json = json::escape(text);
      add(json.substr(1, json.size() - 2));
    }
  }
  [[nodiscard]] bool empty() const noexcept { return by_head_.empty(); }

  /// Length of the longest text that stands at `at`; 0: none.
  [[nodiscard]] std::size_t at(std::string_view bytes, std::size_t at) const {
    if (bytes.size() - at < kLeast) return 0;
    const auto found = by_head_.find(head_of(bytes.data() + at));
    if (found == by_head_.end()) return 0;
    std::size_t longest = 0;
    for (const std::string& text : found->second)
      if (bytes.substr(at, text.size()) == text && (text.size() >= kShort || alone(bytes, at, text.size())))
        longest = std::max(longest, text.size());
    return longest;
  }

 private:
  void add(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
    if (text.size() < kLeast) return;
    std::string lower = text::lowered_in_place(text);
    std::vector<std::string>& same = by_head_[head_of(lower.data())];
    if (std::find(same.begin(), same.end(), lower) == same.end()) same.push_back(std::move(lower));
  }
  static bool alone(std::string_view bytes, std::size_t at, std::size_t size) noexcept {
    return behind_escape(bytes, at) ? stands_alone(bytes.substr(at), 0, size) : stands_alone(bytes, at, size);
  }

  std::unordered_map<std::uint32_t, std::vector<std::string>> by_head_;
};

/// A file of somebody else, or one that went meanwhile, is nobody's to scrub.
UniqueFd open_regular(const fs::path& path, struct stat& status) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file && errno == ENOENT) return file;
  if (!file) throw errno_error("cannot open " + path.string());
  if (::fstat(file.get(), &status) != 0) throw errno_error("cannot look at " + path.string());
  return file;
}

std::uint64_t scrub_file(const fs::path& path, const Needles& needles) {
  struct stat status {};
  const UniqueFd file = open_regular(path, status);
  if (!file || status.st_size == 0) return 0;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (memory == MAP_FAILED) throw errno_error("cannot read " + path.string());
  const std::string bytes = text::lowered_in_place({static_cast<const char*>(memory), size});
  ::munmap(memory, size);
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (std::size_t at = 0; at < size;) {
    const std::size_t length = needles.at(bytes, at);
    if (length != 0) places.emplace_back(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  std::uint64_t total = 0;
  for (const auto& [at, length] : places) {
    const std::string stars(length, '*');
    if (::pwrite(file.get(), stars.data(), length, static_cast<off_t>(at)) != static_cast<ssize_t>(length))
      throw errno_error("cannot write " + path.string());
    total += length;
  }
  if (total > 0 && ::fdatasync(file.get()) != 0) throw errno_error("cannot sync " + path.string());
  return total;
}

bool is_replayed(const fs::path& path) {
  const fs::path folder = path.parent_path().filename();
  return (path.extension() == ".spool" && folder == "memory") ||
         (path.extension() == ".frames" && folder == "brain");
}

/// Only what is named: the database's cluster may lie beside it.
std::vector<fs::path> files_of(const ScrubFolders& folders) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const char* name : {"said/turns.jsonl", "said/turns.jsonl.1", "said/chat_history"})
    files.push_back(folders.state / name);  // a link there is told of
  const std::vector<fs::path> named = files;
  for (const char* name : {"said", "log", "conversations", "dead-letters", "crashes", "spool"})
    for (fs::recursive_directory_iterator it(folders.state / name, error), end; !error && it != end;
         it.increment(error))
      if (it->is_regular_file(error) && !it->is_symlink(error) && !is_replayed(it->path()) &&
          std::find(named.begin(), named.end(), it->path()) == named.end())
        files.push_back(it->path());
  for (fs::directory_iterator it(folders.runtime, error), end; !error && it != end; it.increment(error))
    if (it->path().filename().string().starts_with("brain.") && it->is_regular_file(error))
      files.push_back(it->path());
  return files;
}

/// All of them, whatever becomes of one; then what became of the first that failed.
template <typename Action>
void for_each(const std::vector<fs::path>& files, const Action& action) {
  std::optional<Error> failed;
  for (const fs::path& file : files) {
    try {
      action(file);
    } catch (const Error& error) {
      if (!failed) failed = error;
    }
  }
  if (failed) throw Error(*failed);
}

}  // namespace

std::uint64_t scrub_texts(const ScrubFolders& folders, std::span<const std::string> texts) {
  const Needles needles(texts);
  if (needles.empty()) return 0;
  std::uint64_t total = 0;
  for_each(files_of(folders), [&](const fs::path& file) { total += scrub_file(file, needles); });
  return total;
}

void scrub_everything(const ScrubFolders& folders) {
  for_each(files_of(folders), [](const fs::path& path) {
    struct stat status {};
    const UniqueFd file = open_regular(path, status);
    if (file && ::ftruncate(file.get(), 0) != 0) throw errno_error("cannot empty " + path.string());
  });
}

}  // namespace prot::memory
