// Lists of tables in the configuration: [[mcp.servers]].
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "json/json.hpp"
#include "stage/config_keys.hpp"

namespace prot::stage {
namespace {

constexpr std::size_t kMostTables = 16;

struct Field {
  std::string_view name;
  bool is_list = false;
  bool is_required = false;
};

std::vector<Field> fields_of(const ConfigKey& key) {
  std::vector<Field> out;
  for (std::string_view rest = key.fields; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    out.push_back({word.substr(0, word.find_first_of("[!")), word.find("[]") != std::string_view::npos,
                   word.ends_with('!')});
  }
  return out;
}

bool is_word(std::string_view text) {
  constexpr std::size_t kLongest = 32;
  return !text.empty() && text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool fits(json::View value, const Field& field) {
  if (!field.is_list) return value.is_string() && !value.as_string().empty();
  for (std::size_t i = 0; i < value.size(); ++i)
    if (!value.at(i).is_string()) return false;
  return value.is_array() && !(field.is_required && value.size() == 0);
}

}  // namespace

std::string tables_value(const ConfigKey& key, std::string_view text) {
  const std::string name(key.name);
  json::Document document;
  try {
    document = json::parse(text);
  } catch (const Error& error) {
    throw UsageError(name + " must be a " + describe_type(key) + ": " + error.what());
  }
  const json::View root = document.root();
  if (!root.is_array()) throw UsageError(name + " must be a " + describe_type(key));
  if (root.size() > kMostTables) throw UsageError(name + " has more than 16 tables");
  const std::vector<Field> fields = fields_of(key);
  std::set<std::string_view> names;
  json::Writer out;
  out.begin_array();
  for (std::size_t i = 0; i < root.size(); ++i) {
    const json::View table = root.at(i);
    const std::string where = name + ", table " + std::to_string(i + 1) + ": ";
    if (!table.is_object()) throw UsageError(where + "is no table");
    for (std::size_t j = 0; j < table.size(); ++j)
      if (std::none_of(fields.begin(), fields.end(),
                       [&](const Field& f) { return f.name == table.key_at(j); }))
        throw UsageError(where + "unknown key '" + shown_text(table.key_at(j)) + "'; a " +
                         describe_type(key));
    out.begin_object();
    for (const Field& field : fields) {
      const json::View value = table.get(field.name);
      const std::string its_name(field.name);
      if (!value && field.is_required) throw UsageError(where + "'" + its_name + "' is missing");
      if (!value) continue;
      if (!fits(value, field))
        throw UsageError(where + "'" + its_name + "' must be " +
                         (field.is_list ? "a list of texts" : "a text"));
      if (field.name == "name" && !is_word(value.as_string()))
        throw UsageError(where + "'name' has 1 to 32 of a to z, 0 to 9, _ and -");
      if (field.name == "name" && !names.insert(value.as_string()).second)
        throw UsageError(where + "another one has that name");
      out.key(field.name).value(value);
    }
    out.end_object();
  }
  return out.end_array().str();
}

}  // namespace prot::stage
