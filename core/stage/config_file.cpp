#include "stage/config_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <tuple>

#include "base/ownership.hpp"
#include "base/unique_fd.hpp"
#include "base/utf8.hpp"
#include "json/json.hpp"

namespace prot::stage {
namespace {

constexpr std::size_t kLargest = 1 << 20;

std::string double_text(double number) {
  std::ostringstream text;
  text.precision(17);
  text << number;
  return text.str();
}

// As JSON; tables_value() judges it.
void write_node(json::Writer& out, const toml::node& node) {
  if (const auto* s = node.as_string(); s != nullptr) {
    out.value(s->get());
  } else if (const auto* list = node.as_array(); list != nullptr) {
    out.begin_array();
    for (const toml::node& one : *list) write_node(out, one);
    out.end_array();
  } else if (const auto* table = node.as_table(); table != nullptr) {
    out.begin_object();
    for (const auto& [name, one] : *table) write_node(out.key(name.str()), one);
    out.end_object();
  } else {
    out.value(true);  // of no type that a field has
  }
}

// The value as text; config_value() judges it. Throws UsageError for what no text can stand for.
std::string to_text(const toml::node& node, const ConfigKey& key) {
  const bool number = key.type == ConfigType::kInt || key.type == ConfigType::kDouble;
  const bool word =
      key.type == ConfigType::kString || (key.type == ConfigType::kList && !key.choices.empty());
  if (const auto* s = node.as_string(); s != nullptr && word) return s->get();
  if (const auto* i = node.as_integer(); i != nullptr && number) return std::to_string(i->get());
  if (const auto* d = node.as_floating_point(); d != nullptr && number) return double_text(d->get());
  if (const auto* b = node.as_boolean(); b != nullptr && key.type == ConfigType::kBool)
    return b->get() ? "true" : "false";
  if (const auto* list = node.as_array(); list != nullptr && key.type == ConfigType::kList) {
    json::Writer out;
    out.begin_array();
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto* element = list->get(i)->as_string();
      if (element == nullptr)
        throw UsageError(std::string(key.name) + " is a list of texts: element " + std::to_string(i + 1) +
                         " is none");
      out.value(element->get());
    }
    return out.end_array().str();
  }
  if (const auto* list = node.as_array(); list != nullptr && key.type == ConfigType::kTables) {
    json::Writer out;
    write_node(out, *list);
    return out.str();
  }
  throw UsageError(std::string(key.name) + " has the wrong type: " + describe_type(key) + " is expected" +
                   (key.type == ConfigType::kString ? ", in quotes" : ""));
}

/// What the file says, or what is wrong with it, by line.
class Walker {
 public:
  explicit Walker(std::string file) : file_(std::move(file)) {}

  void walk(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key_name = prefix + std::string(name.str());
      const auto line = static_cast<std::size_t>(node.source().begin.line);
      if (const auto* inner = node.as_table(); inner != nullptr && prefix.empty()) {
        if (is_section(key_name)) {
          walk(*inner, key_name + ".");
        } else {
          error(line, "unknown section [" + shown_text(key_name) + "]; did you mean [" +
                          nearest_section(key_name) + "]?");
        }
      } else {
        take(key_name, node, line);
      }
    }
  }
  std::vector<FileSetting> finish(std::vector<std::string>& errors) {
    std::stable_sort(errors_.begin(), errors_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [line, text] : errors_) errors.push_back(place(line) + text);
    return std::move(settings_);
  }

 private:
  static bool is_section(const std::string& name) {
    const auto keys = config_keys();
    return std::any_of(keys.begin(), keys.end(),
                       [&](const ConfigKey& key) { return key.name.starts_with(name + "."); });
  }
  [[nodiscard]] std::string place(std::size_t line) const {
    return file_ + ":" + std::to_string(line) + ": ";
  }
  void error(std::size_t line, const std::string& text) { errors_.emplace_back(line, text); }

  void take(const std::string& name, const toml::node& node, std::size_t line) {
    const ConfigKey* key = find_key(name);
    if (key == nullptr)
      return error(line, "unknown key '" + shown_text(name) + "'; did you mean '" + nearest_key(name) + "'?");
    try {
      settings_.push_back({key, {config_value(*key, to_text(node, *key)), place(line)}});
    } catch (const UsageError& e) {
      error(line, e.what());
    }
  }

  std::string file_;
  std::vector<FileSetting> settings_;
  std::vector<std::pair<std::size_t, std::string>> errors_;
};

std::string read_all(int fd, const std::string& file) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw UsageError(file + ": cannot be read: " + std::strerror(errno));
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > kLargest) throw UsageError(file + ": is larger than 1 MiB");
  }
}

}  // namespace

bool read_text_file(const std::string& file, std::string& text) {
  // Non-blocking: a named pipe without a writer must not hold up whoever asks.
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return false;
  if (!fd) throw UsageError(file + ": cannot be opened: " + std::strerror(errno));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) throw UsageError(file + ": cannot be read: " + std::strerror(errno));
  if (S_ISDIR(info.st_mode)) throw UsageError(file + ": is a folder, not a file");
  if (!S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode)) throw UsageError(file + ": is no regular file");
  if (const std::string why = S_ISREG(info.st_mode) ? distrust_of(info) : ""; !why.empty())
    throw UsageError(file + ": is not obeyed: it " + why);
  text = read_all(fd.get(), file);
  std::size_t line = 1;
  for (std::string_view rest = text; !rest.empty();) {
    const utf8::Decoded next = utf8::decode(rest);
    if (!next.valid || next.code_point == 0)
      throw UsageError(file + ":" + std::to_string(line) + ": is not UTF-8 text");
    if (next.code_point == U'\n') ++line;
    rest.remove_prefix(next.length);
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  return true;
}

std::vector<FileSetting> read_config_file(const std::string& file, bool required,
                                          std::vector<std::string>& errors) {
  Walker walker(file);
  try {
    std::string text;
    if (read_text_file(file, text)) {
      walker.walk(toml::parse(text, file), "");
    } else if (required) {
      errors.push_back(file + ": is not there");
    }
  } catch (const toml::parse_error& e) {
    // Its words quote the file as it is.
    errors.push_back(file + ":" + std::to_string(e.source().begin.line) + ": " + shown_text(e.description()));
  } catch (const UsageError& e) {
    errors.emplace_back(e.what());
  }
  return walker.finish(errors);
}

}  // namespace prot::stage
