#include "base/old_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

namespace prot {

std::size_t remove_old_files(const std::filesystem::path& folder, std::string_view ending,
                             const KeptFiles& kept, Nanos now) {
  struct File {
    Nanos changed;
    std::uint64_t bytes;
    std::filesystem::path path;
  };
  std::vector<File> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    struct stat info {};
    if (!it->path().native().ends_with(ending) || ::lstat(it->path().c_str(), &info) != 0 ||
        !S_ISREG(info.st_mode))
      continue;
    files.push_back({info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec,
                     static_cast<std::uint64_t>(info.st_size), it->path()});
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return a.changed != b.changed ? a.changed > b.changed : a.path > b.path;
  });
  std::size_t removed = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    bytes += files[i].bytes;
    const bool stays = i < kept.most && bytes <= kept.bytes && now - files[i].changed <= kept.age;
    if (i > 0 && !stays && std::filesystem::remove(files[i].path, error)) ++removed;
  }
  return removed;
}

}  // namespace prot
