#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "services/answer.hpp"
#include "services/services.hpp"
#include "stage/self_check.hpp"

namespace prot::services {

/// Asks one service whether it is there, takes the key, and how fast it answers. Blocking: for 5 s at most, a
/// model on this machine for 20. It throws Error with a message that holds nothing of the key.
using Prober =
    std::function<Answer(const stage::CheckContext& context, const Service& service, const std::string& key)>;
/// By Service::protocol.
using Probers = std::map<std::string, Prober, std::less<>>;

/// The ways of asking that every stage knows: one small question, as a conversation would ask it (one token,
/// one letter, half a second of silence), because only that shows what the plan allows.
[[nodiscard]] const Probers& common_probers();

/// For SelfCheck::probe of the stage `program`: `--probe services` prints a line for each of its services in
/// use. `own`: ways of asking that only this stage has.
[[nodiscard]] std::function<int(const stage::CheckContext&, std::string_view name)> service_probe(
    std::string program, Probers own = {});

}  // namespace prot::services
