#include "json/json.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "base/error.hpp"
#include "base/utf8.hpp"

using namespace prot;

namespace {
std::string error_of(std::string_view text) {
  try {
    (void)json::parse(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("a value is reached by keys and indexes") {
  const json::Document document = json::parse(R"({"a":{"b":[1,"둘",true,2.5]},"n":-7})");
  const json::View list = document.get("a").get("b");
  CHECK(list.is_array());
  CHECK(list.size() == 4);
  CHECK(list.at(0).as_int() == 1);
  CHECK(list.at(1).as_string() == "둘");
  CHECK(list.at(2).as_bool());
  CHECK(list.at(3).as_double() == 2.5);
  CHECK(document.get("n").as_int() == -7);
  CHECK(document.root().size() == 2);
  CHECK(document.root().key_at(1) == "n");
  CHECK(document.root().at(1).as_int() == -7);
}

TEST_CASE("missing and null are the same, all the way down") {
  const json::Document document = json::parse(R"({"null":null,"text":"x"})");
  CHECK(document.get("null").is_null());
  CHECK(document.get("missing").is_null());
  CHECK(document.get("missing").get("deeper").at(3).as_string("fallback") == "fallback");
  CHECK(document.get("text").get("not an object").is_null());
  CHECK(document.get("text").at(0).is_null());
  CHECK_FALSE(document.get("null"));
  CHECK(json::View().as_int(5) == 5);
  CHECK(json::Document().get("a").is_null());
}

TEST_CASE("a value of another type gives the fallback") {
  const json::Document document =
      json::parse(R"({"s":"1","f":1.5,"whole":3.0,"big":1e300,"u":18446744073709551615})");
  CHECK(document.get("s").as_int(9) == 9);
  CHECK(document.get("f").as_int(9) == 9);
  CHECK(document.get("whole").as_int() == 3);
  CHECK(document.get("big").as_int(9) == 9);
  CHECK(document.get("u").as_int(9) == 9);
  CHECK(document.get("u").as_double() > 1e19);
  CHECK(document.get("s").as_bool(true));
}

TEST_CASE("an error says where it is") {
  CHECK(has(error_of(R"({"choices":[{"delta":{"content":tru}}]})"), "$.choices[0].delta.content"));
  CHECK(has(error_of(R"([1,2,)"), "$[2]"));
  CHECK(has(error_of(R"({"a":1} x)"), "offset 8"));
  CHECK(has(error_of(""), "offset 0"));
  CHECK(has(error_of(R"({"a)"), "not JSON"));
  CHECK(has(error_of(R"("\)"), "not JSON"));
  for (const std::size_t nul : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
    std::string text = R"({"a": 1} x)";
    text[nul == 4 ? 8 : nul] = '\0';
    CHECK(has(error_of(text), "not JSON"));
  }
}

TEST_CASE("deep nesting is refused and does not use the stack") {
  CHECK(has(error_of(std::string(4'000'000, '[')), "nested too deeply"));
  const std::string limit = std::string(json::kMaxDepth, '[') + std::string(json::kMaxDepth, ']');
  CHECK(error_of(limit).empty());
  CHECK(has(error_of("[" + limit + "]"), "nested too deeply"));
  CHECK(error_of("\"" + std::string(1000, '[') + "\"").empty());
}

TEST_CASE("the writer writes what the parser reads") {
  json::Writer writer;
  writer.begin_object()
      .member("text", "줄\n\"둘\"")
      .member("count", 3U)
      .member("negative", std::int64_t{-5})
      .member("flag", true)
      .member("ratio", 0.25)
      .key("list")
      .begin_array()
      .value("a")
      .null()
      .value(std::string("b"))
      .end_array()
      .key("raw")
      .raw(R"({"x":[]})")
      .end_object();
  CHECK(
      writer.str() ==
      R"({"text":"줄\n\"둘\"","count":3,"negative":-5,"flag":true,"ratio":0.25,"list":["a",null,"b"],"raw":{"x":[]}})");
  const json::Document copy = json::parse(writer.str());
  CHECK(copy.root().to_json() == writer.str());
  CHECK(json::Writer().begin_array().value(copy.get("list")).value(copy.get("none")).end_array().str() ==
        R"([["a",null,"b"],null])");
}

TEST_CASE("bytes that are not UTF-8 become U+FFFD on the way out and in") {
  CHECK(json::escape("a\xFF\xC3z") == "\"a\uFFFD\uFFFDz\"");
  CHECK(json::escape(std::string_view("a\0b", 3)) == R"("a\u0000b")");
  CHECK(json::parse("\"a\xED\xA0\x80z\"").root().as_string().ends_with("z"));
  CHECK(utf8::is_valid(json::parse("\"\xF0\x9F\"").root().as_string()));
}

TEST_CASE("half a pair of escapes becomes U+FFFD, a whole one its character") {
  const auto text_of = [](std::string_view text) {
    return std::string(json::parse(text).root().at(0).as_string());
  };
  CHECK(text_of(R"(["a\ud83d\ude00b"])") == "a\U0001F600b");
  CHECK(text_of(R"(["a\ud83d"])") == "a\uFFFD");
  CHECK(text_of(R"(["\uDE00b"])") == "\uFFFDb");
  CHECK(text_of(R"(["\ud83d\ud83d\ude00"])") == "\uFFFD\U0001F600");
  CHECK(text_of(R"(["\ud83d\u0041"])") == "\uFFFDA");
  CHECK(text_of(R"(["\\ud83d\"\\"])") == "\\ud83d\"\\");
  CHECK_THROWS_AS(static_cast<void>(json::parse(R"(["\ud8"])")), Error);
}

TEST_CASE("numbers that JSON cannot hold are written as null") {
  CHECK(json::Writer().value(std::numeric_limits<double>::quiet_NaN()).str() == "null");
  CHECK(json::Writer().value(std::numeric_limits<double>::infinity()).str() == "null");
}

// Found by the fuzzer: such a number came out as nothing at all, and the text was none any more.
TEST_CASE("numbers that a double cannot hold are refused or null, and are written as null") {
  const json::Document document = json::parse(R"({"a":[11e308,-123e307,2],"b":1})");
  const json::View list = document.get("a");
  CHECK(list.at(0).is_null());
  CHECK_FALSE(list.at(0).is_number());
  CHECK(list.at(0).as_double(7) == 7);
  CHECK(list.at(0).as_int(7) == 7);
  CHECK(list.at(2).as_int() == 2);
  CHECK(document.root().to_json() == R"({"a":[null,null,2],"b":1})");
  CHECK_THROWS_AS(static_cast<void>(json::parse("1e309")), Error);
}

TEST_CASE("the writer refuses to nest too deeply") {
  json::Writer writer;
  for (std::size_t i = 0; i < json::kMaxDepth; ++i) writer.begin_array();
  CHECK_THROWS_AS(writer.begin_array(), Error);
}
