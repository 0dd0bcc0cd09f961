#include "json/json.hpp"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/error.hpp"
#include "base/utf8.hpp"

namespace prot::json {
namespace {

using Node = rapidjson::Value;

constexpr unsigned kParseFlags = rapidjson::kParseIterativeFlag;  // no recursion on foreign text

const Node* node_of(const void* node) noexcept { return static_cast<const Node*>(node); }

/// RapidJSON refuses most numbers that no double holds, and takes "11e308" for infinity, which cannot be
/// written.
bool is_infinite(const Node& node) noexcept { return node.IsDouble() && !std::isfinite(node.GetDouble()); }

struct TextWriter : rapidjson::Writer<rapidjson::StringBuffer> {
  using Writer::Writer;
  bool Double(double number) { return std::isfinite(number) ? Writer::Double(number) : Null(); }  // NOLINT
};

/// The UTF-16 unit that the escape at `text` names; -1: there is none.
int escaped_unit(std::string_view text) noexcept {
  unsigned unit = 0;
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return -1;
  const auto parsed = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  return parsed.ptr == text.data() + 6 ? static_cast<int>(unit) : -1;
}

/// With U+FFFD for each escape that is half a pair: services that cut text between UTF-16 units write them.
std::string without_half_pairs(std::string_view text) {
  std::string out(text);
  for (std::size_t i = text.find('\\'); i != std::string_view::npos; i = text.find('\\', i)) {
    const int unit = escaped_unit(text.substr(i));
    const int next = unit < 0 ? -1 : escaped_unit(text.substr(i + 6));
    const bool pair = unit >= 0xD800 && unit < 0xDC00 && next >= 0xDC00 && next < 0xE000;
    if (!pair && unit >= 0xD800 && unit < 0xE000) out.replace(i, 6, "\\uFFFD");
    i = std::min(i + (pair ? 12U : unit >= 0 ? 6U : 2U), text.size());
  }
  return out;
}

/// Where in the document the first `offset` bytes end: "$.choices[0].delta".
std::string path_at(std::string_view text, std::size_t offset) {
  struct Level {
    bool object;
    std::size_t index = 0;
    std::string key{};
  };
  std::vector<Level> levels;
  std::string last_string;
  for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
    switch (text[i]) {
      case '{':
      case '[':
        levels.push_back({text[i] == '{'});
        break;
      case '}':
      case ']':
        if (!levels.empty()) levels.pop_back();
        break;
      case ',':
        if (!levels.empty()) ++levels.back().index;
        break;
      case ':':
        if (!levels.empty()) levels.back().key = last_string;
        break;
      case '"': {
        const std::size_t start = ++i;
        while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
        last_string = text.substr(start, std::min(i, text.size()) - start);
        break;
      }
      default:
        break;
    }
  }
  std::string path = "$";
  for (const Level& level : levels) {
    if (level.object) {
      if (!level.key.empty()) path += "." + level.key.substr(0, 64);
    } else {
      path += "[" + std::to_string(level.index) + "]";
    }
  }
  return utf8::sanitized(path);
}

[[noreturn]] void refuse(std::string_view text, std::size_t offset, std::string_view why) {
  throw Error("not JSON at " + path_at(text, offset) + " (offset " + std::to_string(offset) +
              "): " + std::string(why));
}

void check_depth(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
      }
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) throw Error("not JSON (offset " + std::to_string(i) + "): nested too deeply");
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
}

}  // namespace

bool View::is_null() const noexcept {
  return node_ == nullptr || node_of(node_)->IsNull() || is_infinite(*node_of(node_));
}
bool View::is_object() const noexcept { return node_ != nullptr && node_of(node_)->IsObject(); }
bool View::is_array() const noexcept { return node_ != nullptr && node_of(node_)->IsArray(); }
bool View::is_string() const noexcept { return node_ != nullptr && node_of(node_)->IsString(); }
bool View::is_number() const noexcept {
  return node_ != nullptr && node_of(node_)->IsNumber() && !is_infinite(*node_of(node_));
}
bool View::is_bool() const noexcept { return node_ != nullptr && node_of(node_)->IsBool(); }

View View::get(std::string_view key) const noexcept {
  if (!is_object()) return {};
  const Node& object = *node_of(node_);
  for (auto member = object.MemberBegin(); member != object.MemberEnd(); ++member) {
    if (std::string_view(member->name.GetString(), member->name.GetStringLength()) == key)
      return View(&member->value);
  }
  return {};
}

std::size_t View::size() const noexcept {
  if (is_array()) return node_of(node_)->Size();
  if (is_object()) return node_of(node_)->MemberCount();
  return 0;
}

View View::at(std::size_t index) const noexcept {
  if (index >= size()) return {};
  if (is_array()) return View(&(*node_of(node_))[static_cast<rapidjson::SizeType>(index)]);
  return View(&(node_of(node_)->MemberBegin() + static_cast<std::ptrdiff_t>(index))->value);
}

std::string_view View::key_at(std::size_t index) const noexcept {
  if (!is_object() || index >= size()) return {};
  const Node& name = (node_of(node_)->MemberBegin() + static_cast<std::ptrdiff_t>(index))->name;
  return {name.GetString(), name.GetStringLength()};
}

std::string_view View::as_string(std::string_view fallback) const noexcept {
  if (!is_string()) return fallback;
  return {node_of(node_)->GetString(), node_of(node_)->GetStringLength()};
}

std::int64_t View::as_int(std::int64_t fallback) const noexcept {
  if (!is_number()) return fallback;
  const Node& node = *node_of(node_);
  if (node.IsInt64()) return node.GetInt64();
  if (!node.IsDouble()) return fallback;
  const double number = node.GetDouble();
  const bool whole = std::trunc(number) == number && number >= -9.2e18 && number <= 9.2e18;
  return whole ? static_cast<std::int64_t>(number) : fallback;
}

double View::as_double(double fallback) const noexcept {
  return is_number() ? node_of(node_)->GetDouble() : fallback;
}

bool View::as_bool(bool fallback) const noexcept { return is_bool() ? node_of(node_)->GetBool() : fallback; }

std::string View::to_json() const { return Writer().value(*this).str(); }

struct Document::Impl {
  rapidjson::Document document;
};

Document::Document() noexcept = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

View Document::root() const noexcept {
  return impl_ ? View(static_cast<const Node*>(&impl_->document)) : View();
}

Document parse(std::string_view text) {
  if (!utf8::is_valid(text)) return parse(utf8::sanitized(text));
  if (text.find("\\u") != std::string_view::npos) {
    if (const std::string whole = without_half_pairs(text); whole != text) return parse(whole);
  }
  check_depth(text);
  Document result;
  result.impl_ = std::make_unique<Document::Impl>();
  rapidjson::Document& document = result.impl_->document;
  document.Parse<kParseFlags>(text.data() == nullptr ? "" : text.data(), text.size());
  if (document.HasParseError()) {
    refuse(text, document.GetErrorOffset(), rapidjson::GetParseError_En(document.GetParseError()));
  }
  // RapidJSON takes the byte 0 for the end, and looks at nothing behind it; within a string it refuses it.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    refuse(text, nul, "a byte of 0");
  return result;
}

struct Writer::Impl {
  rapidjson::StringBuffer buffer;
  TextWriter writer{buffer};
  std::size_t depth = 0;

  void begin() {
    if (++depth > kMaxDepth) throw Error("JSON to be written is nested too deeply");
  }
  void end() noexcept { --depth; }
};

Writer::Writer() : impl_(std::make_unique<Impl>()) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

Writer& Writer::begin_object() {
  impl_->begin();
  impl_->writer.StartObject();
  return *this;
}

Writer& Writer::end_object() {
  impl_->end();
  impl_->writer.EndObject();
  return *this;
}

Writer& Writer::begin_array() {
  impl_->begin();
  impl_->writer.StartArray();
  return *this;
}

Writer& Writer::end_array() {
  impl_->end();
  impl_->writer.EndArray();
  return *this;
}

Writer& Writer::key(std::string_view name) { return value(name); }  // a string is all that a key is

Writer& Writer::value(std::string_view text) {
  if (!utf8::is_valid(text)) return value(std::string_view(utf8::sanitized(text)));
  impl_->writer.String(text.data() == nullptr ? "" : text.data(),
                       static_cast<rapidjson::SizeType>(text.size()));
  return *this;
}

Writer& Writer::value(bool flag) {
  impl_->writer.Bool(flag);
  return *this;
}

Writer& Writer::value(double number) {
  impl_->writer.Double(number);
  return *this;
}

Writer& Writer::value(View copy) {
  if (copy.node_ == nullptr) return null();
  node_of(copy.node_)->Accept(impl_->writer);  // recursive, but a Document is at most kMaxDepth deep
  return *this;
}

Writer& Writer::signed_value(std::int64_t number) {
  impl_->writer.Int64(number);
  return *this;
}

Writer& Writer::unsigned_value(std::uint64_t number) {
  impl_->writer.Uint64(number);
  return *this;
}

Writer& Writer::null() {
  impl_->writer.Null();
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  impl_->writer.RawValue(json.data(), json.size(), rapidjson::kObjectType);
  return *this;
}

std::string Writer::str() const { return {impl_->buffer.GetString(), impl_->buffer.GetSize()}; }

std::string escape(std::string_view text) { return Writer().value(text).str(); }

}  // namespace prot::json
