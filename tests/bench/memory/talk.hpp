#pragma once

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "json/json.hpp"
#include "tests/memory/memory_fixture.hpp"

/// What the benches of memory share.
namespace prot::bench {

inline void print(const std::string& what, double value, const char* unit, double bar = 0.0) {
  json::Writer out;
  out.begin_object().member("what", what).member("value", value).member("unit", unit);
  if (bar > 0.0) out.member("bar", bar);
  out.end_object();
  std::printf("%s\n", out.str().c_str());
  std::fflush(stdout);
}

inline double percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const auto place = static_cast<std::size_t>(part * static_cast<double>(values.size()));
  return values[std::min(values.size() - 1, place)];
}

inline double ms_since(Nanos begin) {
  return static_cast<double>(monotonic_now() - begin) / static_cast<double>(kMillisecond);
}

/// Talk in which few words are frequent and most are rare, in both scripts.
class Talk {
 public:
  Talk() {
    for (int i = 0; i < 6000; ++i) {
      std::string word;
      for (std::size_t k = 2 + random_() % 3; k > 0; --k) {
        if (i % 3 == 0) {
          const auto point = static_cast<unsigned>(0xAC00 + 28 * (random_() % 399));
          word +=
              {static_cast<char>(0xE0U | (point >> 12U)), static_cast<char>(0x80U | ((point >> 6U) & 0x3FU)),
               static_cast<char>(0x80U | (point & 0x3FU))};
        } else {
          word += "bcdfghklmnprstvw"[random_() % 16];
          word += "aeiou"[random_() % 5];
        }
      }
      vocabulary_.push_back(word);
    }
  }
  std::string text(std::size_t words) {
    std::string text = "I";
    for (std::size_t i = 0; i < words; ++i) {
      const double place = static_cast<double>(random_() % 10'000) / 10'000.0;
      text += " " + vocabulary_[static_cast<std::size_t>(place * place * place * 6000.0)];
    }
    return text + ".";
  }
  memory::Message next() {
    const std::uint64_t i = count_++;
    return memory::test::message(i / 40, i, i % 2 == 0 ? memory::Role::kUser : memory::Role::kAssistant,
                                 text(8 + random_() % 16),
                                 memory::test::kNoon + static_cast<Nanos>(i) * 600 * kSecond);
  }

 private:
  std::mt19937 random_{3};
  std::vector<std::string> vocabulary_;
  std::uint64_t count_ = 0;
};

}  // namespace prot::bench
