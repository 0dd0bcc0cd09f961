#include "embedders/vectors_of.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/copy_bytes.hpp"
#include "json/json.hpp"
#include "text/base64.hpp"

namespace prot::memory {
namespace {

// The wire has them as this machine does.
static_assert(std::endian::native == std::endian::little && sizeof(float) == 4);

Vector read_vector(json::View embedding) {
  Vector vector;
  if (embedding.is_string()) {
    const auto bytes = text::from_base64(embedding.as_string());
    if (!bytes || bytes->size() % sizeof(float) != 0) throw Error("a vector is no base64 of float32");
    vector.resize(bytes->size() / sizeof(float));
    copy_bytes(vector.data(), bytes->data(), bytes->size());
  } else {
    vector.reserve(embedding.size());
    for (std::size_t i = 0; i < embedding.size(); ++i) {
      const json::View value = embedding.at(i);
      if (!value.is_number()) throw Error("a vector holds what is no number");
      vector.push_back(static_cast<float>(value.as_double()));
    }
  }
  if (vector.empty()) throw Error("a vector is missing");
  if (!normalize(vector)) throw Error("a vector is zero or not finite");
  return vector;
}

std::size_t index_of(json::View item, std::size_t place, std::size_t count) {
  const json::View given = item.get("index");
  const std::int64_t index = given ? given.as_int(-1) : static_cast<std::int64_t>(place);
  if (index < 0 || static_cast<std::size_t>(index) >= count) throw Error("an index is out of range");
  return static_cast<std::size_t>(index);
}

json::Document read(std::string_view body) {
  json::Document document = json::parse(body);
  // Some servers report failures under status 200.
  if (!document.root().is_object() || document.get("error") || document.get("detail"))
    throw Error("an error under status 200");
  return document;
}

}  // namespace

std::vector<Vector> vectors_of(std::string_view body, std::size_t count, std::size_t dimension) {
  const json::Document document = read(body);
  const json::View data = document.get("data");
  if (data.size() != count)
    throw Error(std::to_string(data.size()) + " vectors for " + std::to_string(count) + " texts");
  std::vector<Vector> vectors(count);
  for (std::size_t i = 0; i < count; ++i) {
    Vector& vector = vectors[index_of(data.at(i), i, count)];
    if (!vector.empty()) throw Error("two vectors for one text");
    vector = read_vector(data.at(i).get("embedding"));
    if (dimension == 0) dimension = vector.size();
    if (vector.size() != dimension)
      throw Error("a vector of " + std::to_string(vector.size()) + " dimensions instead of " +
                  std::to_string(dimension));
  }
  return vectors;
}

std::vector<double> ranks_of(std::string_view body, std::size_t count) {
  const json::Document document = read(body);
  const json::View data = document.get(document.get("data") ? "data" : "results");
  if (data.size() == 0 && count > 0) throw Error("no ranks");
  constexpr double kNone = std::numeric_limits<double>::infinity();
  double worst = kNone;
  std::vector<double> ranks(count, kNone);
  for (std::size_t i = 0; i < data.size(); ++i) {
    const json::View score = data.at(i).get("relevance_score");
    if (!score.is_number() || !std::isfinite(score.as_double())) throw Error("a rank is no number");
    ranks[index_of(data.at(i), i, count)] = score.as_double();
    worst = std::min(worst, score.as_double());
  }
  std::replace(ranks.begin(), ranks.end(), kNone, worst);
  return ranks;
}

}  // namespace prot::memory
