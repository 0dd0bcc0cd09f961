#include "services/wyoming_question.hpp"

#include "base/error.hpp"
#include "stage/service_table.hpp"
#include "wyoming/describe.hpp"

namespace prot::services {
namespace {
constexpr std::int64_t kLimitMs = 5'000;
}

Answer ask_wyoming(const stage::CheckContext& context, const Service& service, const std::string& /*key*/) {
  const bool hears = service.program == "stt";
  const stage::ServiceRow* row = stage::find_service(service.program, "wyoming");
  const wyoming::Address address =
      wyoming::parse_address(service.url, row == nullptr ? "" : stage::port_of(row->own_url));
  if (address.exposed && !context.config.get_bool(service.plain_key)) return {State::kUnencrypted};
  const Nanos begin = monotonic_now();
  try {
    const wyoming::Event info = wyoming::describe(address, kLimitMs);
    const Nanos first_byte = monotonic_now() - begin;
    if (info.get(hears ? "asr" : "tts").size() > 0) return {State::kOk, first_byte};
    return {State::kRefused, first_byte, hears ? "it recognises nothing" : "it does not speak"};
  } catch (const Error& error) {
    return {State::kUnreachable, 0, error.what()};
  }
}

}  // namespace prot::services
