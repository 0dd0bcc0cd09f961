#include "engines/transcription.hpp"

#include "base/error.hpp"
#include "http/http.hpp"
#include "json/json.hpp"
#include "transcript_text.hpp"

namespace prot::stt {

std::string transcription_of(std::string_view body) {
  const json::Document document = json::parse(body);
  const json::View text = document.get("text");
  if (text.is_string()) return without_loops(clean_transcript(text.as_string()));
  const std::string name = http::error_name(body);
  throw Error("an answer without text" + (name.empty() ? "" : " (" + name + ")"));
}

}  // namespace prot::stt
