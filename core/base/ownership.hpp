#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "base/error.hpp"

/// From whom this process takes files, folders and answers: its own user and root, nobody else.
namespace prot {

/// What stands somewhere is not this user's: nothing is sent to it, nothing of it is obeyed.
class Untrusted : public Error {
 public:
  using Error::Error;
};

/// May somebody else than its owner change what has this status? A group whose only member is the owner (what
/// a umask of 002 goes with) is nobody else.
[[nodiscard]] bool others_may_write(const struct stat& info);

/// Why a file's words are not obeyed ("belongs to user 1000, not to you"); empty: they may be.
[[nodiscard]] std::string distrust_of(const struct stat& info);

/// Throws Untrusted when `folder`, or a folder or link on the way to it, belongs to somebody else or may be
/// changed by others; in a sticky one (/tmp) nobody takes away what is ours. What is not there, or out of
/// reach, ends the way.
void require_own_way(const std::filesystem::path& folder);

}  // namespace prot
