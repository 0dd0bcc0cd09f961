#pragma once

#include <string>
#include <string_view>

namespace prot::text {

/// A segment as it is to be spoken: without Markdown marks, code fences, emoji and control characters; a link
/// as its text, a bare URL as its host name; white space single. Empty when nothing is left to say.
[[nodiscard]] std::string speakable(std::string_view text);

}  // namespace prot::text
