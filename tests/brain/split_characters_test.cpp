#include "brain/engines/split_characters.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "json/json.hpp"
#include "text/utf8.hpp"

using prot::brain::SplitCharacters;

namespace {

/// What pieces become, each parsed as a JSON string of its own.
std::string joined(const std::vector<std::string>& pieces) {
  SplitCharacters split;
  prot::text::Utf8Assembler assembler;
  std::string out;
  for (const std::string& piece : pieces) {
    const prot::json::Document document = prot::json::parse(split.protect("{\"c\":\"" + piece + "\"}"));
    out += assembler.push(split.restore(document.get("c").as_string()));
  }
  return out + assembler.flush();
}

}  // namespace

TEST_CASE("a character that is cut between two pieces is whole again, by bytes or by halves") {
  const std::string smile = "\xF0\x9F\x98\x80";
  for (std::size_t cut = 0; cut <= smile.size(); ++cut)
    CHECK(joined({"a" + smile.substr(0, cut), smile.substr(cut) + "b"}) == "a" + smile + "b");
  CHECK(joined({"\xF0", "\x9F", "\x98", "\x80"}) == smile);
  CHECK(joined({"a\\ud83d", "\\ude00b"}) == "a" + smile + "b");
  CHECK(joined({"a\\uD83D", "", "\\uDE00b"}) == "a" + smile + "b");
  CHECK(joined({"\xED\x95", "\x9C\xEA\xB5", "\xAD"}) == "한국");
}

TEST_CASE("what is whole stays, and what stays half becomes U+FFFD") {
  CHECK(joined({"plain \\n \\\\ud83d \\u0041 \\ud83d\\ude00", "한국"}) ==
        "plain \n \\ud83d A \xF0\x9F\x98\x80한국");
  CHECK(joined({"a\\ud83d", "b"}) ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(joined({"\\ude00", "b"}) ==
        "\xEF\xBF\xBD"
        "b");
  CHECK(joined({"a\xF0\x9F", "b"}) ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(joined({"\xEE\xBE\x80 \xF4\x8D\xA0\x80"}) ==
        "\xEE\xBE\x80 \xF4\x8D\xA0\x80");  // private use of others
  SplitCharacters split;
  CHECK(split.protect("\\") == "\\");  // no JSON, but no crash either
  CHECK(split.protect("\\u12") == "\\u12");
  CHECK(split.protect("\\ud8").size() == 4);
}
