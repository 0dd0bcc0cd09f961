#pragma once

#include "stage/config_keys.hpp"

/// How a line of the table of keys is written. For config_keys.cpp alone.
namespace prot::stage::lines {

using enum ConfigType;
using Text = std::string_view;

constexpr ConfigKey text(Text name, Text fallback, Text programs, Text comment, Text environment = {}) {
  return {.name = name,
          .fallback = fallback,
          .programs = programs,
          .environment = environment,
          .comment = comment};
}
constexpr ConfigKey path(Text name, Text fallback, Text programs, Text comment) {
  ConfigKey key = text(name, fallback, programs, comment);
  key.file = true;
  return key;
}
constexpr ConfigKey choice(Text name, Text fallback, Text choices, Text programs, Text comment,
                           Text environment = {}) {
  ConfigKey key = text(name, fallback, programs, comment, environment);
  key.choices = choices;
  return key;
}
constexpr ConfigKey flag(Text name, Text fallback, Text programs, Text comment, Text environment = {}) {
  ConfigKey key = text(name, fallback, programs, comment, environment);
  key.type = kBool;
  return key;
}
constexpr ConfigKey number(ConfigType type, Text name, Text fallback, double minimum, double maximum,
                           Text unit, Text programs, Text comment, Text environment = {}) {
  ConfigKey key = text(name, fallback, programs, comment, environment);
  key.type = type;
  key.minimum = minimum;
  key.maximum = maximum;
  key.unit = unit;
  return key;
}
constexpr ConfigKey list(Text name, Text programs, Text comment, Text environment = {}) {
  ConfigKey key = text(name, "[]", programs, comment, environment);
  key.type = kList;
  return key;
}
// As a list whose unit says what each text is: see config_value.cpp.
constexpr ConfigKey origins(ConfigKey key) {
  key.unit = "origins";
  return key;
}
constexpr ConfigKey hosts(ConfigKey key) {
  key.unit = "hosts";
  return key;
}
constexpr ConfigKey choices(Text name, Text fallback, Text known, Text programs, Text comment) {
  ConfigKey key = text(name, fallback, programs, comment);
  key.type = kList;
  key.choices = known;
  return key;
}
constexpr ConfigKey tables(Text name, Text fields, Text programs, Text comment) {
  ConfigKey key = text(name, "[]", programs, comment);
  key.type = kTables;
  key.fields = fields;
  return key;
}
constexpr ConfigKey scaled(ConfigKey key, int scale) {
  key.environment_scale = scale;
  return key;
}
constexpr ConfigKey fixed(ConfigKey key) {
  key.fixed = true;
  return key;
}
constexpr ConfigKey secret(ConfigKey key) {
  key.secret = true;
  return key;
}

constexpr ConfigKey also(ConfigKey key, Text environment) {
  key.also = environment;
  return key;
}
constexpr ConfigKey live(ConfigKey key) {
  key.live = true;
  return key;
}

}  // namespace prot::stage::lines
