#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace prot::json {

/// Nesting deeper than this is refused, on reading as on writing.
inline constexpr std::size_t kMaxDepth = 128;

/// Read access to one value of a Document. A missing value and null are the same: every accessor then
/// returns its fallback, so get("a").get("b").as_string() needs no checks between.
/// Copy freely; thread-safe to read. Lifetime: must not outlive the Document; neither may as_string().
class View {
 public:
  View() noexcept = default;

  [[nodiscard]] bool is_null() const noexcept;
  [[nodiscard]] bool is_object() const noexcept;
  [[nodiscard]] bool is_array() const noexcept;
  [[nodiscard]] bool is_string() const noexcept;
  [[nodiscard]] bool is_number() const noexcept;
  [[nodiscard]] bool is_bool() const noexcept;
  explicit operator bool() const noexcept { return !is_null(); }

  /// The member `key` of an object; null when there is none or this is no object.
  [[nodiscard]] View get(std::string_view key) const noexcept;
  /// Elements of an array, members of an object, else 0.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Element `index` of an array or value of member `index` of an object; null when there is none.
  [[nodiscard]] View at(std::size_t index) const noexcept;
  /// Name of member `index` of an object; empty when there is none.
  [[nodiscard]] std::string_view key_at(std::size_t index) const noexcept;

  /// Valid UTF-8. The fallback when this is no string.
  [[nodiscard]] std::string_view as_string(std::string_view fallback = {}) const noexcept;
  /// The fallback when this is no number, or not a whole one in range (1.0 is whole).
  [[nodiscard]] std::int64_t as_int(std::int64_t fallback = 0) const noexcept;
  [[nodiscard]] double as_double(double fallback = 0.0) const noexcept;
  [[nodiscard]] bool as_bool(bool fallback = false) const noexcept;

  /// This value as JSON text.
  [[nodiscard]] std::string to_json() const;

 private:
  friend class Document;
  friend class Writer;
  explicit View(const void* node) noexcept : node_(node) {}
  const void* node_ = nullptr;
};

/// Owns a parsed JSON text. Move-only; a move keeps its Views valid. Reading is thread-safe.
class Document {
 public:
  Document() noexcept;
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  [[nodiscard]] View root() const noexcept;
  [[nodiscard]] View get(std::string_view key) const noexcept { return root().get(key); }

 private:
  friend Document parse(std::string_view text);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Parses one JSON text. Bytes that are no UTF-8 become U+FFFD, infinite numbers null. Uses no recursion.
/// Throws Error: "not JSON at $.choices[0] (offset 17): Missing a comma ...".
[[nodiscard]] Document parse(std::string_view text);

/// Writes one JSON text piece by piece:
///   Writer w; w.begin_object().member("a", 1).key("b").begin_array().value("x").end_array().end_object();
/// Not thread-safe. Invariant: the output is valid UTF-8 (other bytes become U+FFFD); a number that JSON
/// cannot hold (NaN, infinity) becomes null. REQUIRES: begin and end match, a key before each member.
class Writer {
 public:
  Writer();
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  ~Writer();

  Writer& begin_object();  // throws Error when nested deeper than kMaxDepth
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);
  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  Writer& value(bool flag);
  Writer& value(double number);
  Writer& value(View copy);
  template <std::signed_integral T>
  Writer& value(T number) {
    return signed_value(number);
  }
  template <std::unsigned_integral T>
  Writer& value(T number) {
    return unsigned_value(number);
  }
  Writer& null();
  /// Puts JSON text in as it is. REQUIRES: it is one valid JSON value.
  Writer& raw(std::string_view json);

  template <typename T>
  Writer& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  /// The text so far; complete when every begin has its end.
  [[nodiscard]] std::string str() const;

 private:
  Writer& signed_value(std::int64_t number);
  Writer& unsigned_value(std::uint64_t number);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The text as a JSON string, with quotes.
[[nodiscard]] std::string escape(std::string_view text);

}  // namespace prot::json
